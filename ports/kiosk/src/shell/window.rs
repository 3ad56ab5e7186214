//! With a display: the page is in a window.

mod kiosk_window;
mod x_loss;
mod x_server;

use std::cell::RefCell;
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use euclid::Scale;
use servo::{
    DevicePoint, InputEvent, MouseButton, MouseButtonAction, MouseButtonEvent,
    MouseLeftViewportEvent, MouseMoveEvent, WebView, WheelDelta, WheelEvent, WheelMode,
};
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalPosition;
use winit::event::{
    ElementState, KeyEvent, MouseScrollDelta, StartCause, Touch, TouchPhase, WindowEvent,
};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop};
use winit::keyboard::ModifiersState;
use winit::window::WindowId;

use self::kiosk_window::KioskWindow;
use self::x_loss::XLoss;
use self::x_server::XServer;
use super::{display, keys, touch};
use crate::browser::surface::{Surface, SurfaceFactory};
use crate::failure::Failure;
use crate::kiosk::{Ending, Kiosk, Next, Plan, Program, WindowLook};
use crate::message::{Mailbox, Message};

/// How far a wheel moves the page by one of its lines, in pixels.
const PIXELS_PER_WHEEL_LINE: f64 = 76.0;

/// A display that is lost so soon would be lost again: that is its supervisor's to judge.
const SOON: Duration = Duration::from_secs(5);

/// Runs a kiosk until it is done, or until its display is gone: then it is to restart. This program begins again.
///
/// # Errors
/// If it can't start, for example without a display.
pub fn run(plan: Plan, program: Arc<Program>) -> Result<Ending, Failure> {
    let start = Instant::now();
    let x_server = match display::is_x() {
        true => XServer::connect()?,
        false => None,
    };
    let event_loop = EventLoop::with_user_event()
        .build()
        .map_err(|error| display::no_window(&error))?;
    let proxy = event_loop.create_proxy();
    let mailbox = Mailbox::new(move |message| {
        // The event loop goes last: nobody waits for what is lost here.
        let _ = proxy.send_event(message);
    });
    let x_loss = x_server.as_ref().map(|x_server| {
        let loss = XLoss::at_exit(x_server.connection(), program);
        x_server.follow(mailbox.clone(), loss.clone());
        loss
    });
    let mut app = App {
        x_server,
        look: plan.window,
        phase: Phase::Planned(Box::new(plan), mailbox),
        window: Rc::default(),
        pointer: DevicePoint::zero(),
        modifiers: ModifiersState::empty(),
        card_is_pressed: false,
        card_finger: None,
        result: Ok(Ending::Exit(ExitCode::SUCCESS)),
    };
    let ended = event_loop.run_app(&mut app);
    if let Some(x_loss) = x_loss {
        x_loss.expect_exit();
    }
    match ended {
        Ok(()) => app.result,
        Err(_) if matches!(app.phase, Phase::Running(_)) && start.elapsed() >= SOON => {
            eprintln!("kiosk: the display is gone: the kiosk begins again");
            Ok(Ending::Restart)
        }
        Err(error) => Err(display::no_window(&error)),
    }
}

enum Phase {
    Planned(Box<Plan>, Mailbox),
    Running(Box<Kiosk>),
    Ended,
}

struct App {
    x_server: Option<XServer>,
    phase: Phase,
    look: WindowLook,
    window: Rc<RefCell<Option<Rc<KioskWindow>>>>,
    pointer: DevicePoint,
    modifiers: ModifiersState,
    card_is_pressed: bool,
    /// The finger that has tapped the card, while it is on the screen.
    card_finger: Option<u64>,
    result: Result<Ending, Failure>,
}

impl App {
    /// Gives the running kiosk something to do, and ends the event loop if it is done.
    fn run_kiosk(
        &mut self,
        event_loop: &ActiveEventLoop,
        work: impl FnOnce(&mut Kiosk, &dyn SurfaceFactory) -> Result<Next, Failure>,
    ) {
        let Phase::Running(kiosk) = &mut self.phase else {
            return;
        };
        let windows = Windows {
            event_loop,
            look: self.look,
            window: &self.window,
            x_server: self.x_server.as_ref(),
        };
        let next = work(kiosk, &windows);
        if kiosk.browser().page().is_none() {
            self.window.take();
        }
        event_loop.set_control_flow(match kiosk.deadline() {
            Some(deadline) => ControlFlow::WaitUntil(deadline),
            None => ControlFlow::Wait,
        });
        match next {
            Ok(Next::Wait) => {}
            Ok(Next::Exit(code)) => self.end(event_loop, Ok(Ending::Exit(code))),
            Ok(Next::Restart) => self.end(event_loop, Ok(Ending::Restart)),
            Err(failure) => self.end(event_loop, Err(failure)),
        }
    }

    fn end(&mut self, event_loop: &ActiveEventLoop, result: Result<Ending, Failure>) {
        self.result = result;
        self.phase = Phase::Ended;
        self.window.take();
        event_loop.exit();
    }

    /// What a person sees.
    fn front(&self) -> Option<&WebView> {
        match &self.phase {
            Phase::Running(kiosk) => kiosk.browser().front(),
            _ => None,
        }
    }

    fn send_input(&self, event: InputEvent) {
        if let Some(page) = self.front() {
            page.notify_input_event(event);
        }
    }

    /// A person has done something.
    fn note_input(&self) {
        if let Phase::Running(kiosk) = &self.phase {
            kiosk.browser().note_input();
        }
    }

    fn wheel(&self, delta: MouseScrollDelta) {
        let (x, y, mode) = match delta {
            MouseScrollDelta::LineDelta(x, y) => (
                f64::from(x) * PIXELS_PER_WHEEL_LINE,
                f64::from(y) * PIXELS_PER_WHEEL_LINE,
                WheelMode::DeltaLine,
            ),
            MouseScrollDelta::PixelDelta(delta) => (delta.x, delta.y, WheelMode::DeltaPixel),
        };
        let delta = WheelDelta { x, y, z: 0.0, mode };
        self.send_input(InputEvent::Wheel(WheelEvent::new(
            delta,
            self.pointer.into(),
        )));
    }

    fn mouse_button(&self, state: ElementState, button: winit::event::MouseButton) {
        let action = match state {
            ElementState::Pressed => MouseButtonAction::Down,
            ElementState::Released => MouseButtonAction::Up,
        };
        let button = match button {
            winit::event::MouseButton::Left => MouseButton::Primary,
            winit::event::MouseButton::Right => MouseButton::Secondary,
            winit::event::MouseButton::Middle => MouseButton::Auxiliary,
            winit::event::MouseButton::Back => MouseButton::Back,
            winit::event::MouseButton::Forward => MouseButton::Forward,
            winit::event::MouseButton::Other(number) => MouseButton::Other(number),
        };
        self.send_input(InputEvent::MouseButton(MouseButtonEvent::new(
            action,
            button,
            self.pointer.into(),
        )));
    }

    /// Whether a button is for the card: where it is pressed, it is released as well.
    fn card_takes(&mut self, state: ElementState, button: winit::event::MouseButton) -> bool {
        if button != winit::event::MouseButton::Left {
            return false;
        }
        if state == ElementState::Released {
            return mem::take(&mut self.card_is_pressed);
        }
        if let Phase::Running(kiosk) = &self.phase {
            let (x, y) = (self.pointer.x, self.pointer.y);
            self.card_is_pressed = kiosk.browser().tap_card(x, y);
        }
        self.card_is_pressed
    }

    fn follow_key(&mut self, event: &KeyEvent) {
        let Phase::Running(kiosk) = &mut self.phase else {
            return;
        };
        let key = keys::to_servo(event, self.modifiers);
        if keys::toggles_network(event, self.modifiers) {
            kiosk.toggle_network();
        } else if keys::toggles_syncs(event, self.modifiers) {
            kiosk.toggle_syncs();
        } else if !kiosk.takes_key(&key) {
            self.send_input(key);
        }
    }

    /// Where a finger is put on the card, it is the card's until it is lifted.
    fn card_takes_touch(&mut self, touch: &Touch) -> bool {
        if touch.phase == TouchPhase::Started {
            let point = touch::point(touch);
            if let Phase::Running(kiosk) = &self.phase
                && kiosk.browser().tap_card(point.x, point.y)
            {
                self.card_finger = Some(touch.id);
            }
        }
        let is_taken = self.card_finger == Some(touch.id);
        if matches!(touch.phase, TouchPhase::Ended | TouchPhase::Cancelled) && is_taken {
            self.card_finger = None;
        }
        is_taken
    }

    fn redraw(&self) {
        if let (Some(page), Some(window)) = (self.front(), &*self.window.borrow()) {
            page.paint();
            window.paint_card();
            window.present();
        }
    }
}

impl ApplicationHandler<Message> for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        let (plan, mailbox) = match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Planned(plan, mailbox) => (plan, mailbox),
            other => {
                self.phase = other;
                return;
            }
        };
        let windows = Windows {
            event_loop,
            look: self.look,
            window: &self.window,
            x_server: self.x_server.as_ref(),
        };
        match Kiosk::start(*plan, mailbox, &windows) {
            Ok(kiosk) => self.phase = Phase::Running(Box::new(kiosk)),
            Err(failure) => self.end(event_loop, Err(failure)),
        }
    }

    fn new_events(&mut self, event_loop: &ActiveEventLoop, cause: StartCause) {
        if let StartCause::ResumeTimeReached { .. } = cause {
            self.run_kiosk(event_loop, |kiosk, windows| {
                kiosk.handle(Message::DeadlinePassed, windows)
            });
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, message: Message) {
        if let (Message::ScreenChanged(place), Some(window)) = (&message, &*self.window.borrow()) {
            window.fit_to(*place);
        }
        self.run_kiosk(event_loop, |kiosk, windows| kiosk.handle(message, windows));
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        match event {
            WindowEvent::CloseRequested => {
                return self.run_kiosk(event_loop, |kiosk, windows| kiosk.close_window(windows));
            }
            WindowEvent::KeyboardInput { event, .. } => {
                self.note_input();
                self.follow_key(&event);
            }
            WindowEvent::ModifiersChanged(modifiers) => self.modifiers = modifiers.state(),
            WindowEvent::MouseWheel { delta, .. } => {
                self.note_input();
                self.wheel(delta);
            }
            WindowEvent::MouseInput { state, button, .. } => {
                self.note_input();
                if !self.card_takes(state, button) {
                    self.mouse_button(state, button);
                }
            }
            WindowEvent::Touch(finger) => {
                self.note_input();
                if !self.card_takes_touch(&finger) {
                    self.send_input(touch::to_servo(&finger));
                }
            }
            WindowEvent::CursorMoved {
                position: PhysicalPosition { x, y },
                ..
            } => {
                let pointer = DevicePoint::new(x as f32, y as f32);
                // Where it is at first is told as well, more than once.
                if self.pointer != DevicePoint::zero() && self.pointer != pointer {
                    self.note_input();
                }
                self.pointer = pointer;
                self.send_input(InputEvent::MouseMove(MouseMoveEvent::new(
                    self.pointer.into(),
                )));
            }
            WindowEvent::CursorLeft { .. } => {
                self.send_input(InputEvent::MouseLeftViewport(
                    MouseLeftViewportEvent::default(),
                ));
            }
            WindowEvent::Focused(focused) => {
                if let Some(page) = self.front() {
                    page.set_focused(focused);
                }
            }
            WindowEvent::Resized(size) => {
                if let Some(page) = self.front() {
                    page.resize(size);
                }
            }
            WindowEvent::ScaleFactorChanged { scale_factor, .. } => {
                if let Some(page) = self.front() {
                    page.set_hidpi_scale_factor(Scale::new(scale_factor as f32));
                }
            }
            WindowEvent::ThemeChanged(_) => {
                if let Phase::Running(kiosk) = &self.phase {
                    kiosk.browser().follow_desktop_colors();
                }
            }
            WindowEvent::RedrawRequested => self.redraw(),
            _ => {}
        }
        self.run_kiosk(event_loop, |kiosk, windows| {
            kiosk.handle(Message::EngineWoke, windows)
        });
    }
}

/// Opens windows while the event loop is in one of its callbacks.
struct Windows<'a> {
    event_loop: &'a ActiveEventLoop,
    look: WindowLook,
    window: &'a Rc<RefCell<Option<Rc<KioskWindow>>>>,
    x_server: Option<&'a XServer>,
}

impl SurfaceFactory for Windows<'_> {
    fn open(&self) -> Result<Rc<dyn Surface>, Failure> {
        let window = Rc::new(KioskWindow::open(self.event_loop, self.look)?);
        if let Some(x_server) = self.x_server {
            window.take_keyboard(x_server);
        }
        self.window.replace(Some(window.clone()));
        Ok(window)
    }
}
