// live.js looks after the live views of a page: the elements with data-live, whose sockets htmx opens. It does five things:
//
//   1. It keeps them connected: with patience when a view fails, at once when a server restarts or the computer wakes up,
//      and over an event stream where websockets are blocked.
//   2. It tells the person when they are not: data-live-state is connecting, open, reconnecting or failed, and after a
//      second a paragraph says so (data-live-reconnecting is its text).
//   3. It keeps what the person did when an update replaces it: typed text, choices, focus, caret, scroll, open details.
//      Where the server draws another value than before, the server wins. What was sent is given up.
//   4. It follows links inside a view over its socket, and keeps the browser's history right.
//   5. It empties forms with data-live-reset as soon as they are sent.
//
// Works with htmx 2 and htmx 4; load it after htmx, its websocket extension and multiaccount.js, and defer none of them.
// No dependency, no global, nothing a strict CSP forbids. Events, all bubbling: live:navigate before a link is followed
// (detail.message is what will be sent; cancelable), live:connected before the first HTML of a connection is shown
// (detail.waitUntil takes a promise), live:restored on a field that got back what was typed, live:post before an event goes
// out by POST for want of a websocket (detail.body is the message, detail.headers may be added to).
(() => {
  'use strict';
  const VIEW = '[data-live]:not(script)', ADDRESSES = ['data-ws-connect', 'hx-ws:connect'], FIELDS = 'input,select,textarea';
  const Native = window.WebSocket, { CONNECTING, OPEN, CLOSING, CLOSED } = Native;
  const on = (name, handle, target = document, options = false) => target.addEventListener(name, handle, options);
  // A field named "matches" hides the method of that name on its form; these look past it.
  const is = (element, selector) => element instanceof Element && Element.prototype.matches.call(element, selector);
  const all = (element, selector) => [...Element.prototype.querySelectorAll.call(element, selector)];
  const nearest = (element, selector) => (element instanceof Element ? Element.prototype.closest.call(element, selector) : null);
  const attribute = (element, name) => (element ? Element.prototype.getAttribute.call(element, name) : null);
  const { get: elementsOf } = Object.getOwnPropertyDescriptor(HTMLFormElement.prototype, 'elements');
  const fieldsOf = (form) => [...elementsOf.call(form)].filter((field) => is(field, FIELDS));

  function emit(target, name, detail) {
    return target.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true, detail }));
  }

  // ---- Views.

  const views = new WeakMap(); // element -> what is known of its connections

  function viewOf(element) {
    if (!views.has(element)) {
      views.set(element, {
        element, asked: '', name: '', // the address that htmx has, and the attribute it is from
        socket: null, opened: false, tries: 0, wait: 0, unopened: 0,
        failed: false, status: null, timer: 0, guard: null,
        under: 0, pending: null, // links that are being followed, and the last of them
      });
    }
    return views.get(element);
  }

  const known = () => all(document.documentElement, VIEW).map((element) => views.get(element)).filter(Boolean);
  const isOpen = (view) => view?.socket?.readyState === OPEN;
  const place = (view) => new URL(attribute(view.element, view.name), location.href);

  function socketURL(address) {
    const url = new URL(address, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    return url.href;
  }

  // address is where a connection of a view leads. The first one says what the page shows, so that nothing is sent twice.
  function address(view, first) {
    const url = place(view), drawn = view.element.dataset.live;
    if (first && drawn) url.search += `${url.search ? '&' : '?'}_live=${encodeURIComponent(drawn)}`;
    return url;
  }

  // claim finds the view for which htmx opens a socket. htmx keeps the address that a view had at first.
  function claim(url) {
    const free = all(document.documentElement, VIEW).map(viewOf).filter(({ socket }) => !socket);
    const before = free.find(({ asked }) => asked === url);
    if (before) return before;
    for (const view of free) {
      for (const name of ADDRESSES) {
        try {
          if (socketURL(attribute(view.element, name) ?? ':') === url) return Object.assign(view, { asked: url, name });
        } catch { /* not an address */ }
      }
    }
    return null;
  }

  // ---- Telling the person.

  function showState(view, state) {
    if (view.failed && state !== 'failed' && state !== 'open') return; // until the view is back
    view.element.dataset.liveState = state;
    clearTimeout(view.timer);
    if (state === 'open') {
      view.guard?.disconnect();
      view.status?.remove();
      Object.assign(view, { status: null, guard: null, failed: false });
    } else if (!view.status) {
      const text = view.element.dataset.liveReconnecting || 'Reconnecting…';
      view.timer = setTimeout(say, 1000, view, text);
    }
  }

  // say shows a text at the top of the view and puts it back when an update replaces the inside of the view.
  function say(view, text) {
    const { element } = view;
    if (!view.status) {
      const status = view.status = document.createElement('p');
      status.setAttribute('role', 'status');
      status.dataset.livePart = 'status';
      view.guard = new MutationObserver(() => { if (status.parentNode !== element) element.prepend(status); });
      view.guard.observe(element, { childList: true });
    }
    element.prepend(view.status); // empty at first: a screen reader speaks what is put into a status that exists
    view.status.textContent = text;
  }

  function fail(view, text) {
    view.failed = true;
    showState(view, 'failed');
    clearTimeout(view.timer);
    if (text) say(view, text);
  }

  // ---- Sockets. htmx gets an object that behaves as a WebSocket and looks after its connection by itself.

  const BACK = [1006, 1011, 1012, 1013]; // close codes after which both extensions come back
  const LOST = [1001, 1005, 1014]; // the same to the person, but only htmx 4 comes back
  const BLOCKED = 'live-sockets-blocked'; // shared with multiaccount.js: until when this tab does not try websockets
  const OPENING = 8000, SILENCE = 75000, SHORT = 5000;

  function blocked() {
    try { return Number(sessionStorage.getItem(BLOCKED)) > Date.now(); } catch { return false; }
  }
  function remember() {
    try { sessionStorage.setItem(BLOCKED, Date.now() + 600000); } catch { /* forbidden: every connection finds out anew */ }
  }

  // Seconds, as our server says it. More than five minutes would be as good as never.
  const retryAfter = (answer) => Math.min(300, Number(answer.headers.get('Retry-After')) || 0) * 1000;

  // events reads an event stream. A comment comes as an event without a name: it only shows that the server is there.
  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ''; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const lines = block.split('\n');
        const of = (field) => lines.filter((line) => line.startsWith(field)).map((line) => line.slice(field.length).replace(/^ /, ''));
        const data = of('data:');
        yield { name: of('event:')[0] || (data.length ? 'message' : ''), data: data.join('\n') };
      }
    }
  }

  class LiveSocket extends EventTarget {
    #view; #protocols; #life = new AbortController(); #wire = null; #timer = 0; #quiet = 0;
    #since = 0; #away = false; #left = false; #held = null; #shown = false; #stream = ''; #posts = Promise.resolve();
    readyState = CONNECTING;
    binaryType = 'blob';
    bufferedAmount = 0;
    extensions = '';
    protocol = '';

    constructor(view, protocols) {
      super();
      for (const type of ['open', 'message', 'error', 'close']) {
        this[`on${type}`] = null;
        on(type, (event) => this[`on${type}`]?.(event), this);
      }
      this.#view = view;
      this.#protocols = protocols ?? [];
      view.socket = this;
      showState(view, view.opened ? 'reconnecting' : 'connecting');
      if (view.wait) this.#timer = setTimeout(() => this.#dial(), view.wait);
      else this.#dial();
    }

    get url() { return socketURL(place(this.#view)); }

    // wake is for when the network may have changed under the connection: whoever waits goes on, what seems open is new.
    wake() {
      const view = this.#view;
      view.tries = 0;
      if (this.readyState === OPEN || this.#away) {
        this.#away = false;
        this.#end(1006);
        view.tries = 0;
        view.wait = Math.random() * 250;
      } else if (this.#timer) {
        this.#dial();
      }
    }

    // suspend ends the connection of a page that is left. htmx 4 would close the socket for good then, but the page may
    // come back out of the back/forward cache.
    suspend() {
      this.#away = true;
      clearTimeout(this.#timer);
      this.#life.abort();
    }

    #dial() {
      const view = this.#view;
      clearTimeout(this.#timer);
      this.#timer = 0;
      if (blocked()) { this.#listen(); return; }
      let wire;
      try {
        const url = address(view, !view.opened);
        wire = new Native(socketURL(url), this.#protocols);
      } catch { this.#listen(); return; } // a policy may forbid it
      wire.binaryType = this.binaryType;
      const late = setTimeout(() => this.#listen(), OPENING);
      const life = { signal: this.#begin() };
      on('abort', () => { clearTimeout(late); wire.close(); }, life.signal);
      on('open', () => {
        clearTimeout(late);
        this.#wire = wire;
        this.#opened();
      }, wire, life);
      on('message', ({ data }) => this.#receive(data), wire, life);
      on('close', ({ code, reason }) => {
        if (this.readyState !== CONNECTING) this.#end(code, reason);
        else if (++view.unopened < 2) this.#end(1006);
        else this.#listen();
      }, wire, life);
    }

    // listen connects by an event stream: what the server says comes as the answer to a request that does not end.
    async #listen() {
      const view = this.#view, signal = this.#begin();
      this.#hear();
      try {
        const answer = await fetch(address(view, !view.opened), {
          headers: { Accept: 'text/event-stream', 'X-Live': 'stream' }, credentials: 'same-origin', cache: 'no-store', signal,
        });
        if (!answer.ok || !answer.headers.get('Content-Type')?.startsWith('text/event-stream')) {
          this.#end(1006, '', retryAfter(answer));
          return;
        }
        for await (const { name, data } of events(answer.body)) {
          if (signal.aborted) return;
          this.#hear();
          if (name === 'open') {
            this.#stream = JSON.parse(data).id;
            remember();
            this.#opened();
            this.#hear(); // from here on there is more time
          } else if (name === 'close') {
            const { code, reason } = JSON.parse(data);
            this.#end(code, reason);
            return;
          } else if (name === 'message') {
            this.#receive(data);
          }
        }
      } catch { /* the network, or we ended it */ }
      if (!signal.aborted) this.#end(1006);
    }

    // hear notes that the server of a stream is there: it says something every 25 seconds.
    #hear() {
      clearTimeout(this.#quiet);
      this.#quiet = setTimeout(() => this.#end(1006), this.readyState === CONNECTING ? 2 * OPENING : SILENCE);
    }

    // begin gives up the connection before and returns the signal that ends the next one.
    #begin() {
      this.#life.abort();
      this.#life = new AbortController();
      return this.#life.signal;
    }

    #opened() {
      const view = this.#view;
      this.readyState = OPEN;
      this.#since = Date.now();
      Object.assign(view, { opened: true, unopened: 0, under: 0 });
      view.element.dataset.live = ''; // from here on the page may show something else
      // A view that fails when it starts opens for a moment only: what it said stays until it has shown itself.
      if (view.failed) view.timer = setTimeout(showState, 1000, view, 'open');
      else showState(view, 'open');
      this.dispatchEvent(new Event('open'));
      const { pending } = view;
      view.pending = null;
      if (pending) { // a link was followed when the connection broke
        view.under = 1;
        this.send(JSON.stringify(pending));
      }
    }

    #receive(data) {
      if (typeof data === 'string' && data.startsWith('{') && this.#obey(data)) return;
      if (this.#held) { this.#held.push(data); return; }
      const waits = [];
      if (!this.#shown && typeof data === 'string' && !data.startsWith('{')) {
        this.#shown = true;
        emit(this.#view.element, 'live:connected', { waitUntil: (promise) => waits.push(promise) });
      }
      if (!waits.length) { this.#deliver(data); return; }
      this.#held = [data];
      Promise.all(waits).then(() => {
        const held = this.#held;
        this.#held = null;
        for (const each of held) if (this.readyState === OPEN) this.#deliver(each);
      }, () => this.#end(1006));
    }

    #deliver(data) {
      if (this.#view.failed && !data.startsWith?.('{')) showState(this.#view, 'open');
      this.dispatchEvent(new MessageEvent('message', { data, origin: location.origin }));
    }

    // obey does what a message to the script says. All others are for htmx.
    #obey(data) {
      const view = this.#view;
      let message;
      try { message = JSON.parse(data); } catch { return false; }
      if (message?.type === 'failed') fail(view, message.message);
      else if (message?.type === 'navigated') arrive(view, message);
      else if (message?.type === 'navigate') go(view, view.element, new URL(message.url, location.href), true);
      else if (message?.type === 'redirect') leave(message.url);
      else return false;
      return true;
    }

    send(data) {
      if (this.readyState === CONNECTING) throw new DOMException('The socket is not open yet.', 'InvalidStateError');
      if (this.readyState !== OPEN || this.#away) return;
      if (this.#wire) this.#wire.send(data);
      else this.#posts = this.#posts.then(() => this.#post(data)); // one at a time, so that they keep their order
    }

    async #post(body, tries = 0) {
      const { signal } = this.#life;
      if (signal.aborted) return;
      const headers = { 'Content-Type': 'application/json', 'X-Live-Stream': this.#stream };
      emit(this.#view.element, 'live:post', { body, headers });
      let answer;
      try {
        answer = await fetch(address(this.#view, false), { method: 'POST', body, headers, credentials: 'same-origin', signal });
      } catch { this.#end(1006); return; } // perhaps taken, perhaps not: never twice
      if (answer.ok) return;
      if ([429, 503].includes(answer.status) && tries < 5) { // not taken
        await new Promise((done) => setTimeout(done, retryAfter(answer) || 1000));
        await this.#post(body, tries + 1);
        return;
      }
      this.#end([400, 413].includes(answer.status) ? 1008 : 1006); // the first are final on a socket, too
    }

    close(code, reason) {
      if (this.#away || this.readyState >= CLOSING) return;
      this.#left = true;
      const wire = this.readyState === OPEN ? this.#wire : null;
      this.readyState = CLOSING;
      if (wire) {
        wire.close(...(code === undefined ? [] : [code, reason]));
        return;
      }
      clearTimeout(this.#timer);
      this.#life.abort();
      setTimeout(() => this.#end(code ?? (this.#since ? 1005 : 1006), reason));
    }

    #end(code, reason = '', least = 0) {
      if (this.readyState === CLOSED) return;
      const view = this.#view, config = window.htmx?.config ?? {}, { wsReconnectDelay } = config;
      clearTimeout(this.#timer);
      clearTimeout(this.#quiet);
      this.#life.abort();
      this.readyState = CLOSED;
      if (!this.#left && LOST.includes(code)) code = 1006;
      if (view.socket === this) {
        view.socket = null;
        clearTimeout(view.timer);
        if (this.#left) view.wait = 0;
        else {
          view.tries = this.#since && Date.now() - this.#since > SHORT ? 0 : view.tries + 1;
          // 1012: come back at once, but not all tabs of a server in the same instant. Else with full jitter.
          const longest = code === 1012 && view.tries < 3 ? 250 : Math.min(30000, 500 * 2 ** view.tries);
          view.wait = least + Math.random() * longest;
        }
        if (this.#left || BACK.includes(code)) showState(view, view.opened ? 'reconnecting' : 'connecting');
        else if (!view.failed) fail(view, '');
      }
      if (!this.#since && !this.#left) this.dispatchEvent(new Event('error'));
      // The extension of htmx 2 asks for its delay while it hears of the end. The next socket waits by itself.
      config.wsReconnectDelay = () => 0;
      this.dispatchEvent(new CloseEvent('close', { code, reason, wasClean: code !== 1006 }));
      config.wsReconnectDelay = wsReconnectDelay;
    }
  }
  Object.assign(LiveSocket.prototype, { CONNECTING, OPEN, CLOSING, CLOSED });

  // All other sockets of the page are what they were.
  const Proxied = window.WebSocket = new Proxy(Native, {
    construct(target, args, self) {
      const view = self === Proxied && claim(String(args[0]));
      return view ? new LiveSocket(view, args[1]) : Reflect.construct(target, args, self);
    },
  });
  on('htmx:ws:before:connection', ({ target, detail: { connection } }) => { // htmx 4: here, too, the socket waits by itself
    if (is(target, VIEW)) Object.assign(connection.config, { reconnectDelay: 0, reconnectJitter: 0 });
  });

  const wake = () => { for (const { socket } of known()) socket?.wake(); };
  on('online', wake, window);
  let hidden = document.hidden ? Date.now() : 0;
  on('visibilitychange', () => {
    if (!document.hidden && hidden && Date.now() - hidden > 60000) wake();
    hidden = document.hidden ? Date.now() : 0;
  });
  let ticked = Date.now(); // a visible page whose clock makes a leap has been asleep
  setInterval(() => {
    if (!document.hidden && Date.now() - ticked > 30000) wake();
    ticked = Date.now();
  }, 5000);
  on('pagehide', () => { for (const { socket } of known()) socket?.suspend(); }, window, true); // before htmx hears of it
  on('pageshow', ({ persisted }) => { if (persisted) wake(); }, window);

  // ---- Links inside a view.

  const inside = (view, url) => url.origin === location.origin && url.pathname === place(view).pathname;

  function leave(address) {
    const url = new URL(address, location.href);
    if (/^https?:$/.test(url.protocol)) location.assign(url);
  }

  function go(view, source, url, push) {
    if (!inside(view, url)) { leave(url); return; }
    const message = { _params: url.pathname + url.search, ...(push && { _push: 'true' }) };
    if (!emit(source, 'live:navigate', { message })) return;
    view.under++;
    view.pending = message;
    view.socket.send(JSON.stringify(message));
  }

  // arrive notes which address a view shows now: for the history, and for the connection after this one.
  function arrive(view, { url, push }) {
    const { element } = view, to = new URL(url, location.href);
    if (!inside(view, to)) return;
    for (const name of ADDRESSES) {
      const before = attribute(element, name);
      if (before === null) continue;
      const version = new URL(before, location.href).searchParams.get('_htmx');
      const after = new URL(to);
      if (version) after.searchParams.set('_htmx', version);
      element.setAttribute(name, after.pathname + after.search);
    }
    view.under = Math.max(0, view.under - 1);
    if (view.under) return; // the person has gone on; the history follows the last step
    view.pending = null;
    to.hash = location.hash;
    if (to.href === location.href) return;
    // htmx: neither version is to restore these entries.
    const state = { ...history.state, htmx: false, live: element.id };
    const mark = () => window.navigation?.updateCurrentEntry?.({ state: { live: element.id } });
    if (push) {
      history.replaceState(state, '');
      mark();
      to.hash = '';
      history.pushState(state, '', to);
    } else {
      history.replaceState(state, '', to);
    }
    mark();
  }

  on('popstate', ({ state }) => {
    if (!state?.live) return;
    const view = views.get(document.getElementById(state.live)), url = new URL(location.href);
    if (isOpen(view) && inside(view, url)) go(view, view.element, url, false);
    else location.reload();
  }, window);
  window.navigation?.addEventListener('navigate', (event) => { // htmx 4 would take it over, and the focus would be lost
    if (event.navigationType === 'traverse' && event.destination.getState()?.live) event.stopImmediatePropagation();
  });

  // follow takes a request of htmx for another state of a view, and goes there over the socket.
  function follow(event, method, target, link, push, makeURL) {
    const view = views.get(target);
    if (event.defaultPrevented || method.toLowerCase() !== 'get' || !isOpen(view)) return;
    const url = makeURL();
    if (!inside(view, url)) return;
    event.preventDefault();
    go(view, link, url, push);
  }
  // On the window: whoever listens on the document may say no before.
  on('htmx:configRequest', (event) => { // htmx 2
    const { verb, target, elt, path, formData, boosted } = event.detail;
    const value = attribute(nearest(elt, '[hx-push-url],[data-hx-push-url]'), 'hx-push-url') ??
      attribute(nearest(elt, '[data-hx-push-url]'), 'data-hx-push-url') ?? (boosted ? 'true' : 'false');
    follow(event, verb, target, elt, value !== 'false', () => {
      const url = new URL(path, location.href);
      for (const [name, text] of formData ?? []) url.searchParams.append(name, text);
      return url;
    });
  }, window);
  on('htmx:config:request', (event) => { // htmx 4
    const { request, target, sourceElement, push } = event.detail.ctx;
    follow(event, request.method, target, sourceElement, Boolean(push) && push !== 'false', () => {
      const url = new URL(request.action, document.baseURI), fields = [...request.body ?? []];
      for (const [name] of fields) url.searchParams.delete(name);
      for (const [name, text] of fields) url.searchParams.append(name, text);
      return url;
    });
  }, window);

  // ---- What was sent.

  const touched = new WeakSet(), sent = new WeakSet(); // fields that the person changed; and sent since
  for (const name of ['input', 'change']) {
    on(name, ({ target }) => {
      touched.add(target);
      sent.delete(target);
    }, document, true);
  }

  // formOf is the form that an element sends. A field that sends by itself, as one types, does not count.
  const formOf = (element) => (is(element, 'form') ? element
    : is(element, 'button,input[type=submit],input[type=button],input[type=image]') ? element.form : null);

  function sending(event) {
    const form = formOf(event.target);
    if (form && !event.defaultPrevented && nearest(form, VIEW)) for (const field of fieldsOf(form)) sent.add(field);
  }
  function gone({ target }) {
    const form = formOf(target);
    if (!form || attribute(form, 'data-live-reset') === null) return;
    if (fieldsOf(form).every((field) => sent.has(field) || !touched.has(field) || !differs(field))) {
      HTMLFormElement.prototype.reset.call(form);
    }
  }
  on('htmx:wsConfigSend', sending, window); // htmx 2
  on('htmx:wsAfterSend', gone, window);
  on('htmx:ws:before:message:outgoing', sending, window); // htmx 4
  on('htmx:ws:after:message:outgoing', gone, window);

  // ---- What the person did stays when an update replaces it.

  const edited = new WeakMap(), toggled = new WeakMap(); // element -> its text, or whether it was open, as it was drawn
  const scrolled = new Set();
  on('beforeinput', ({ target }) => {
    if (target.isContentEditable && !edited.has(target)) edited.set(target, target.textContent);
  }, document, true);
  on('click', ({ target }) => {
    const details = nearest(target, 'summary')?.parentElement;
    if (is(details, 'details') && !toggled.has(details)) toggled.set(details, details.open);
  }, document, true);
  on('scroll', ({ target }) => { if (target instanceof Element) scrolled.add(target); }, document, { capture: true, passive: true });

  const isChoice = (field) => field.type === 'checkbox' || field.type === 'radio';

  function differs(field) {
    if (isChoice(field)) return field.checked !== field.defaultChecked;
    if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected);
    return 'defaultValue' in field && field.value !== field.defaultValue;
  }

  // drawn tells what the server put into a field; of a radio button, into its group.
  function drawn(field) {
    if (field.options) return JSON.stringify([...field.options].filter((option) => option.defaultSelected).map(({ value }) => value));
    if (field.type === 'checkbox') return String(field.defaultChecked);
    if (field.type !== 'radio') return field.defaultValue;
    const group = field.form ? fieldsOf(field.form) : all(document.documentElement, 'input[type=radio]');
    return JSON.stringify(group.filter((each) => each.type === 'radio' && each.name === field.name && each.defaultChecked)
      .map(({ value }) => value));
  }

  // put gives a field the state of the one it replaces.
  function put(fresh, old) {
    if (isChoice(old)) fresh.checked = old.checked;
    else if (old.type === 'file') fresh.files = old.files;
    else if (!old.options) fresh.value = old.value;
    else {
      const chosen = new Set([...old.selectedOptions].map(({ value }) => value));
      for (const option of fresh.options) option.selected = chosen.has(option.value);
    }
  }

  // owner is the account that an element is of, as multiaccount.js and the server mark it.
  function owner(element) {
    const form = element.form ?? nearest(element, 'form');
    const stamp = form && fieldsOf(form).find(({ name }) => name === '_stamp');
    return stamp ? stamp.value : attribute(nearest(element, '[data-account-stamp]'), 'data-account-stamp');
  }

  // seat is where an element is: how to find the one that takes its place. By id, or by name inside of what has an id.
  function seat(element) {
    const { localName, type, name } = element, id = attribute(element, 'id');
    const like = (other) => other?.localName === localName && other.type === type;
    const same = (other) => like(other) && !attribute(other, 'id') && other.name === name && (!isChoice(element) || other.value === element.value);
    const around = [nearest(element.parentNode, '[id]'), element.form].map((each) => attribute(each, 'id'));
    return () => {
      if (id) return like(document.getElementById(id)) ? document.getElementById(id) : null;
      for (const each of around) {
        const root = each && document.getElementById(each);
        const found = root ? all(root, localName).filter(same) : [];
        if (found.length) return found.length === 1 ? found[0] : null;
      }
      return null;
    };
  }

  // keep notes what the person did in root, which is about to be replaced. Each note is a function that gives it back once
  // the new content is there, and returns true when that is done.
  function keep(root) {
    const notes = [], within = (selector) => [...(is(root, selector) ? [root] : []), ...all(root, selector)];
    // restore gets the element that is there now: a new one, or with morphed also the old one with a new inside. It returns
    // true when it wants to be called once more: htmx 4 sets the attributes as they were sent again when it settles.
    const note = (old, restore, morphed = false) => {
      const find = seat(old), whose = owner(old);
      notes.push(() => {
        const now = old.isConnected ? morphed && old : find();
        return Boolean(now) && !(owner(now) === whose && restore(now));
      });
    };

    for (const field of within(FIELDS)) {
      if (!touched.has(field) || sent.has(field) || !differs(field)) continue;
      const before = drawn(field);
      note(field, (fresh) => {
        if (drawn(fresh) !== before) return;
        put(fresh, field);
        touched.add(fresh);
        emit(fresh, 'live:restored', { drawn: '' });
      });
    }
    for (const element of within('[contenteditable]')) {
      const before = edited.get(element), content = element.cloneNode(true);
      if (before === undefined || element.textContent === before) continue;
      note(element, (now) => {
        if (now.textContent !== before) return;
        now.replaceChildren(...content.childNodes);
        edited.set(now, before);
        emit(now, 'live:restored', { drawn: before });
      }, true);
    }
    for (const details of within('details')) {
      const before = toggled.get(details);
      if (before === undefined || details.open === before) continue;
      note(details, (now) => {
        if (now.open === before) now.open = !before;
        return toggled.set(now, before);
      }, true);
    }
    for (const element of scrolled) {
      const { scrollTop, scrollLeft } = element;
      if (!element.isConnected) scrolled.delete(element);
      else if (root.contains(element)) note(element, (now) => { Object.assign(now, { scrollTop, scrollLeft }); }, true);
    }

    const { activeElement: focused } = document;
    if (focused !== document.body && root.contains(focused)) {
      const find = seat(focused), { selectionStart, selectionEnd, selectionDirection, value } = focused;
      const taken = within('[autofocus]').length > 0; // then it is no news that a new element wants the focus
      let done = false;
      notes.push(() => {
        const fresh = focused.isConnected ? null : find(), now = document.activeElement;
        if (!fresh || (done && now === fresh) || (now !== document.body && now !== fresh && !taken)) return false;
        fresh.focus({ preventScroll: true });
        done = true;
        if (selectionStart != null && fresh.value === value) fresh.setSelectionRange?.(selectionStart, selectionEnd, selectionDirection);
        return false; // htmx 4 looks for autofocus later
      });
    }
    return notes;
  }

  // restore runs notes in their order and returns those that are to be run again.
  const restore = (notes) => notes.filter((note) => !note());

  let frame = null; // htmx 2: notes of the message that it is at
  on('htmx:wsBeforeMessage', (event) => { frame = is(event.target, VIEW) && !event.defaultPrevented ? [] : null; }, window);
  on('htmx:oobBeforeSwap', (event) => {
    const { target, shouldSwap } = event.detail;
    if (frame && shouldSwap && !event.defaultPrevented) frame.push(...keep(target));
  }, window);
  on('htmx:wsAfterMessage', () => {
    restore(frame ?? []);
    frame = null;
  }, window);

  const swaps = new WeakMap(); // htmx 4: a swap, and each of its tasks -> its notes
  on('htmx:before:swap', (event) => {
    const { ctx, tasks } = event.detail;
    if (event.defaultPrevented || ctx.request || !is(ctx.sourceElement, VIEW)) return;
    const notes = { left: tasks.flatMap(({ target }) => (target instanceof Element ? keep(target) : [])) };
    for (const each of [ctx, ...tasks]) swaps.set(each, notes);
  }, window);
  const settle = (notes) => { if (notes) notes.left = restore(notes.left); };
  on('htmx:before:settle', ({ detail }) => settle(swaps.get(detail.task)), window);
  on('htmx:after:swap', ({ detail }) => settle(swaps.get(detail.ctx)), window);
})();
