//! With a display: the page is in a window.

use std::cell::{Cell, RefCell};
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;

use euclid::Scale;
use servo::{
    DevicePoint, InputEvent, MouseButton, MouseButtonAction, MouseButtonEvent,
    MouseLeftViewportEvent, MouseMoveEvent, OffscreenRenderingContext, RenderingContext, WebView,
    WheelDelta, WheelEvent, WheelMode, WindowRenderingContext,
};
use winit::application::ApplicationHandler;
use winit::dpi::{PhysicalPosition, PhysicalSize};
use winit::event::{ElementState, MouseScrollDelta, StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop};
use winit::keyboard::ModifiersState;
use winit::raw_window_handle::{HasDisplayHandle, HasWindowHandle};
use winit::window::{Window, WindowId};

use super::create_context;
use super::keys;
use crate::arguments::WindowSize;
use crate::browser::surface::{CardPlace, Surface, SurfaceFactory};
use crate::event::Network;
use crate::failure::Failure;
use crate::kiosk::{Kiosk, Next, Plan};
use crate::message::{Mailbox, Message};

/// How far a wheel moves the page by one of its lines, in pixels.
const PIXELS_PER_WHEEL_LINE: f64 = 76.0;

/// Runs a kiosk until it is done.
///
/// # Errors
/// If it can't start, for example without a display.
pub fn run(plan: Plan) -> Result<ExitCode, Failure> {
    let event_loop = EventLoop::with_user_event()
        .build()
        .map_err(|error| no_window(&error))?;
    let proxy = event_loop.create_proxy();
    let mailbox = Mailbox::new(move |message| {
        // The event loop goes last: nobody waits for what is lost here.
        let _ = proxy.send_event(message);
    });
    let mut app = App {
        size: plan.size,
        phase: Phase::Planned(Box::new(plan), mailbox),
        window: Rc::default(),
        pointer: DevicePoint::zero(),
        modifiers: ModifiersState::empty(),
        card_is_pressed: false,
        result: Ok(ExitCode::SUCCESS),
    };
    event_loop
        .run_app(&mut app)
        .map_err(|error| no_window(&error))?;
    app.result
}

enum Phase {
    Planned(Box<Plan>, Mailbox),
    Running(Box<Kiosk>),
    Ended,
}

struct App {
    phase: Phase,
    size: WindowSize,
    window: Rc<RefCell<Option<Rc<KioskWindow>>>>,
    pointer: DevicePoint,
    modifiers: ModifiersState,
    card_is_pressed: bool,
    result: Result<ExitCode, Failure>,
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
            size: self.size,
            window: &self.window,
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
            Ok(Next::Exit(code)) => self.end(event_loop, Ok(code)),
            Err(failure) => self.end(event_loop, Err(failure)),
        }
    }

    fn end(&mut self, event_loop: &ActiveEventLoop, result: Result<ExitCode, Failure>) {
        self.result = result;
        self.phase = Phase::Ended;
        self.window.take();
        event_loop.exit();
    }

    fn page(&self) -> Option<&WebView> {
        match &self.phase {
            Phase::Running(kiosk) => kiosk.browser().page(),
            _ => None,
        }
    }

    fn send_input(&self, event: InputEvent) {
        if let Some(page) = self.page() {
            page.notify_input_event(event);
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

    fn redraw(&self) {
        if let (Some(page), Some(window)) = (self.page(), &*self.window.borrow()) {
            page.paint();
            window.paint_card();
            window.context.present();
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
            size: self.size,
            window: &self.window,
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
        self.run_kiosk(event_loop, |kiosk, windows| kiosk.handle(message, windows));
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        match event {
            WindowEvent::CloseRequested => {
                return self.run_kiosk(event_loop, |kiosk, windows| kiosk.close_window(windows));
            }
            WindowEvent::KeyboardInput { event, .. } => {
                if keys::toggles_network(&event, self.modifiers) {
                    if let Phase::Running(kiosk) = &mut self.phase {
                        kiosk.toggle_network();
                    }
                } else {
                    self.send_input(keys::to_servo(&event, self.modifiers));
                }
            }
            WindowEvent::ModifiersChanged(modifiers) => self.modifiers = modifiers.state(),
            WindowEvent::MouseWheel { delta, .. } => self.wheel(delta),
            WindowEvent::MouseInput { state, button, .. } => {
                if !self.card_takes(state, button) {
                    self.mouse_button(state, button);
                }
            }
            WindowEvent::CursorMoved {
                position: PhysicalPosition { x, y },
                ..
            } => {
                self.pointer = DevicePoint::new(x as f32, y as f32);
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
                if let Some(page) = self.page() {
                    page.set_focused(focused);
                }
            }
            WindowEvent::Resized(size) => {
                if let Some(page) = self.page() {
                    page.resize(size);
                }
            }
            WindowEvent::ScaleFactorChanged { scale_factor, .. } => {
                if let Some(page) = self.page() {
                    page.set_hidpi_scale_factor(Scale::new(scale_factor as f32));
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

/// The sentence for a display that is not there or refuses. winit's own begins with a position in its source.
fn no_window(error: &dyn std::fmt::Display) -> Failure {
    let text = error.to_string();
    let reason = text.rsplit(": ").next().unwrap_or(&text);
    Failure::environment(format!(
        "no window can be opened ({reason}); use --headless to run without one"
    ))
}

/// Opens windows while the event loop is in one of its callbacks.
struct Windows<'a> {
    event_loop: &'a ActiveEventLoop,
    size: WindowSize,
    window: &'a Rc<RefCell<Option<Rc<KioskWindow>>>>,
}

impl SurfaceFactory for Windows<'_> {
    fn open(&self) -> Result<Rc<dyn Surface>, Failure> {
        let attributes = Window::default_attributes()
            .with_title("kiosk")
            .with_inner_size(PhysicalSize::new(self.size.width, self.size.height));
        let window = self
            .event_loop
            .create_window(attributes)
            .map_err(|error| no_window(&error))?;
        let display_handle = self
            .event_loop
            .display_handle()
            .map_err(|error| no_window(&error))?;
        let context = {
            let window_handle = window.window_handle().map_err(|error| no_window(&error))?;
            create_context(|| {
                let size = window.inner_size();
                let context = WindowRenderingContext::new(display_handle, window_handle, size)?;
                context.make_current().map(|()| context)
            })?
        };
        let window = Rc::new(KioskWindow {
            context: Rc::new(context),
            window,
            page_title: RefCell::default(),
            network: Cell::new(Network::Up),
            card_context: RefCell::default(),
            card: RefCell::default(),
        });
        self.window.replace(Some(window.clone()));
        Ok(window)
    }
}

/// A window on the display.
struct KioskWindow {
    // Goes before the window it draws on.
    context: Rc<WindowRenderingContext>,
    window: Window,
    page_title: RefCell<String>,
    network: Cell<Network>,
    card_context: RefCell<Option<Rc<OffscreenRenderingContext>>>,
    card: RefCell<Option<(WebView, CardPlace)>>,
}

impl KioskWindow {
    /// Over the page.
    fn paint_card(&self) {
        let (card, context) = (self.card.borrow(), self.card_context.borrow());
        let (Some((webview, place)), Some(context)) = (&*card, &*context) else {
            return;
        };
        webview.paint();
        let Some(copy) = context.render_to_parent_callback() else {
            return;
        };
        self.context.prepare_for_rendering();
        // Of OpenGL, which counts from below.
        let below = self
            .context
            .size()
            .height
            .saturating_sub(place.y + place.height);
        let [x, y, width, height] =
            [place.x, below, place.width, place.height].map(|length| length as i32);
        let rectangle = euclid::default::Rect::new(
            euclid::default::Point2D::new(x, y),
            euclid::default::Size2D::new(width, height),
        );
        copy(&self.context.glow_gl_api(), rectangle);
    }

    fn show_title(&self) {
        let title = self.page_title.borrow();
        let title = if title.is_empty() {
            "kiosk"
        } else {
            title.as_str()
        };
        self.window.set_title(&match self.network.get() {
            Network::Up => title.to_owned(),
            Network::Cut => format!("{title} (network cut)"),
            Network::Absent => format!("{title} (no network)"),
        });
    }
}

impl Surface for KioskWindow {
    fn rendering_context(&self) -> Rc<dyn RenderingContext> {
        self.context.clone()
    }

    fn scale(&self) -> f32 {
        self.window.scale_factor() as f32
    }

    fn frame_ready(&self, _: &WebView) {
        self.window.request_redraw();
    }

    fn card_context(&self, size: PhysicalSize<u32>) -> Option<Rc<dyn RenderingContext>> {
        let context = Rc::new(self.context.offscreen_context(size));
        self.card_context.replace(Some(context.clone()));
        Some(context)
    }

    fn show_card(&self, card: Option<(WebView, CardPlace)>) {
        self.card.replace(card);
        self.window.request_redraw();
    }

    fn raise(&self) {
        self.window.set_minimized(false);
        self.window.focus_window();
    }

    fn card_ready(&self, _: &WebView) {
        self.window.request_redraw();
    }

    fn set_page_title(&self, title: &str) {
        title.clone_into(&mut self.page_title.borrow_mut());
        self.show_title();
    }

    fn show_network(&self, network: Network) {
        self.network.set(network);
        self.show_title();
    }
}
