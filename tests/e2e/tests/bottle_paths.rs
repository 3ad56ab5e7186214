//! The tests of a file of Servo's overlay that needs nothing of Servo.

#[allow(dead_code, reason = "its users are in Servo")]
#[path = "../../../components/storage/bottle_paths.rs"]
mod bottle_paths;
