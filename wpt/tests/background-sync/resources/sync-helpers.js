// Helpers for tests of Background Sync and Periodic Background Sync. They need
// /service-workers/service-worker/resources/test-helpers.sub.js, and sync-browser.js with what that needs.
'use strict';

const syncResources = new URL('.', document.currentScript.src).href;

// One service worker registration whose active worker is sync-worker.js, and the events that the worker tells of.
class SyncTarget {
  #events = [];
  #takers = [];
  #answers = new Map();
  #calls = 0;
  #rejectedAt;

  // Registers a worker below a scope of its own, waits until it is active, and unregisters it after the test.
  static async create(t, {script = 'sync-worker.js', scope = newScope()} = {}) {
    const target = new SyncTarget();
    target.#listen(t, scope);
    const registration =
        await service_worker_unregister_and_register(t, syncResources + script, scope);
    target.registration = registration;
    t.add_cleanup(() => registration.unregister());
    await wait_for_state(t, newestWorker(registration), 'activated');
    return target;
  }

  #listen(t, scope) {
    const handler = t.step_func(({data}) => {
      if (data.scope !== scope) {
        return;
      }
      if (data.message === 'event') {
        this.#note(data);
      } else if (data.message === 'answer') {
        this.#answers.get(data.call)?.(data);
        this.#answers.delete(data.call);
      }
    });
    navigator.serviceWorker.addEventListener('message', handler);
    navigator.serviceWorker.startMessages();
    t.add_cleanup(() => navigator.serviceWorker.removeEventListener('message', handler));
  }

  #note(event) {
    this.#events.push(event);
    const index = this.#takers.findIndex(taker => matches(event, taker.filter));
    if (index >= 0) {
      event.taken = true;
      this.#takers.splice(index, 1)[0].take(event);
    }
  }

  get sync() { return this.registration.sync; }
  get periodicSync() { return this.registration.periodicSync; }

  // All events so far, in order.
  get events() { return this.#events; }

  eventsOf(filter) { return this.#events.filter(event => matches(event, filter)); }

  // The next event that this function has not returned yet and that has the properties of `filter`.
  nextEvent(filter = {}) {
    const event = this.#events.find(event => !event.taken && matches(event, filter));
    if (event) {
      event.taken = true;
      return Promise.resolve(event);
    }
    return new Promise(take => this.#takers.push({filter, take}));
  }

  // Runs a command of sync-worker.js and returns its value. If it throws, so does this, with an Error whose name is the
  // exception's.
  async command(name, parameters = {}) {
    const call = ++this.#calls;
    const answer = new Promise(resolve => this.#answers.set(call, resolve));
    this.registration.active.postMessage({name, call, ...parameters});
    const {value, error} = await answer;
    if (error) {
      throw Object.assign(new Error(`${name}: ${error}`), {name: error});
    }
    return value;
  }

  // Both return once the worker has seen the end of its event.
  fulfill({id}) { return this.command('fulfill', {id}); }
  reject({id}) {
    this.#rejectedAt ??= performance.now();
    return this.command('reject', {id});
  }

  // Milliseconds since the first rejection began: no retry is due earlier than retryDelayMs.
  get sinceRejection() { return performance.now() - this.#rejectedAt; }

  // Registers a tag, lets its event succeed and returns the event.
  async registerAndFulfill(tag) {
    await this.sync.register(tag);
    const event = await this.nextEvent({type: 'sync', tag});
    await this.fulfill(event);
    return event;
  }

  // Waits until the sync registration of a tag, or any if there is no tag, is gone.
  async untilGone(tag) {
    for (;;) {
      const tags = await this.sync.getTags();
      if (tag === undefined ? tags.length === 0 : !tags.includes(tag)) {
        return;
      }
      await new Promise(resolve => step_timeout(resolve, 10));
    }
  }

  // Gives an event that must not fire the time that one needs: several times the way to the worker and back.
  async settle() {
    for (let i = 0; i < 20; ++i) {
      await this.command('ping');
      await this.sync.getTags();
    }
  }
}

function matches(event, filter) {
  return Object.keys(filter).every(key => event[key] === filter[key]);
}

let scopes = 0;
// A scope that no other test has, as a URL.
function newScope() {
  const test = location.pathname.replace(/^.*\//, '');
  return `${syncResources}scope/${test}/${++scopes}`;
}

function newestWorker(registration) {
  return registration.installing || registration.waiting || registration.active;
}

// Registers a worker that goes on installing until the end of the test, or until it gets a message.
async function registerInstallingWorker(t, scope = newScope()) {
  const script = syncResources + 'install-on-message-worker.js';
  const registration = await service_worker_unregister_and_register(t, script, scope);
  const worker = registration.installing;
  t.add_cleanup(async () => {
    // unregister() waits for the installation.
    worker.postMessage('finish');
    await registration.unregister();
  });
  return registration;
}

// Takes the browser offline until the end of the test or until `syncBrowser.setOnline(true)`.
async function goOffline(t) {
  t.add_cleanup(() => syncBrowser.setOnline(true));
  await syncBrowser.setOnline(false);
}

// For steps that must be over before a retry is due. On a slow machine they may not be, so `attempt` is made again, but
// only if the clock says that its steps took too long to judge. It gets a service worker of its own, rejects an event of
// it, calls `stepsDone` when all that is left is up to the browser, and returns whether the retry came later.
async function beforeRetry(t, attempt) {
  for (let i = 0; i < 5; ++i) {
    const target = await SyncTarget.create(t);
    let took;
    const inTime = await attempt(target, () => took = target.sinceRejection);
    if (inTime) {
      return;
    }
    // The other half of the delay is for the browser.
    assert_greater_than_equal(
        took, syncBrowser.retryDelayMs / 2, 'the retry came too early, although the steps of the test took only [ms]');
  }
  assert_unreached('the steps of this test take too long on this machine');
}

// Sets a permission of this origin until the end of the test.
async function setPermissionForTest(t, name, state) {
  const before = (await navigator.permissions.query({name})).state;
  t.add_cleanup(() => syncBrowser.setPermission(name, before));
  await syncBrowser.setPermission(name, state);
}

// As promise_rejects_dom(), for errors that came as messages.
async function promise_rejects_name(name, promise, description) {
  const result = await promise.then(() => 'fulfilled', error => error.name);
  assert_equals(result, name, description);
}

// A frame or a window of another origin, or of an opaque one, that runs the commands of frame.html.
class RemoteWindow {
  #calls = 0;
  #ownsWorker = false;
  #close;

  // `open` makes it load a URL and returns its WindowProxy, `close` undoes that.
  static async create(t, origin, open, close) {
    const url = syncResources.replace(location.origin, origin) + 'frame.html';
    const remote = new RemoteWindow();
    remote.origin = origin;
    const loaded = nextMessage(({data}) => data.loaded);
    remote.window = open(url);
    remote.#close = close;
    t.add_cleanup(async () => {
      if (remote.#ownsWorker) {
        await remote.command('unregisterWorker');
      }
      remote.close();
    });
    await loaded;
    return remote;
  }

  static frame(t, origin, sandbox) {
    const frame = document.createElement('iframe');
    if (sandbox !== undefined) {
      frame.sandbox = sandbox;
    }
    return RemoteWindow.create(t, origin, url => {
      frame.src = url;
      document.body.append(frame);
      return frame.contentWindow;
    }, () => frame.remove());
  }

  static auxiliary(t, origin) {
    let opened;
    return RemoteWindow.create(t, origin, url => opened = window.open(url), () => opened.close());
  }

  // As SyncTarget.command().
  async command(name, parameters = {}) {
    const call = `${name} ${++this.#calls}`;
    const answer = nextMessage(({data, source}) => source === this.window && data.call === call);
    this.window.postMessage({name, call, ...parameters}, '*');
    const {value, error} = (await answer).data;
    if (error) {
      throw Object.assign(new Error(`${name}: ${error}`), {name: error});
    }
    return value;
  }

  // Runs a command of sync-worker.js in the service worker of the other origin.
  inWorker(name, parameters = {}) {
    return this.command('inWorker', {command: {name, call: `${name} ${++this.#calls}`, ...parameters}});
  }

  // Sets a permission of the other origin until the end of the test.
  async setPermissionForTest(t, name, state) {
    const before = await this.command('permissionState', {permission: name});
    t.add_cleanup(() => syncBrowser.setPermission(name, before, this.origin));
    await syncBrowser.setPermission(name, state, this.origin);
  }

  // Gives the other origin an active service worker until the end of the test.
  async registerWorker() {
    this.#ownsWorker = true;
    await this.command('registerWorker');
  }

  // Makes another window unregister the worker, because this one is to be closed.
  leaveWorkerTo(other) {
    this.#ownsWorker = false;
    other.#ownsWorker = true;
  }

  close() {
    this.#close();
  }
}

// The next message event of this window that satisfies `filter`.
function nextMessage(filter) {
  return new Promise(resolve => {
    self.addEventListener('message', function listener(event) {
      if (filter(event)) {
        self.removeEventListener('message', listener);
        resolve(event);
      }
    });
  });
}
