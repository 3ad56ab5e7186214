//! Nothing: this package only pins the version of Servo.
