// multiaccount.js keeps an open tab in step with its browser session. It does two things:
//
//   1. It follows. One websocket tells the tab that the session has changed. The tab asks the server what is current
//      now and acts by its policy: data-follow="reload" (default), "fragments" or "notify".
//   2. It stamps. Requests carry the stamp that the element behind them was DRAWN with, never a newer one: a button
//      drawn for Alice must not act as Bob. The server refuses an old stamp, and the page reloads.
//
//   <script src="/link/multiaccount.js" data-state="/link/state" data-live="/link/live" data-follow="reload">
//
// Works with htmx 2, htmx 4 and pages without htmx. No dependency, no global, nothing a strict CSP forbids.
// Texts: data-text-switched, -ended (spoken), -stale, -held, -signed-out (in the notice), -reload, -keep, -close (its buttons).
(() => {
  'use strict';
  const script = document.currentScript;
  if (!script) return;
  const { state, live, follow = 'reload', ...attributes } = script.dataset;
  const text = {
    switched: attributes.textSwitched || 'Switched to another account.',
    ended: attributes.textEnded || 'You were signed out.',
    stale: attributes.textStale || 'Another account is current now. This page still shows the account it was opened with.',
    held: attributes.textHeld ||
      'Another account is current now. What you typed belongs to the one before; it is kept here, but cannot be sent.',
    signedOut: attributes.textSignedOut || 'You were signed out. What you typed here has not been sent.',
    reload: attributes.textReload || 'Reload',
    keep: attributes.textKeep || 'Keep',
    close: attributes.textClose || 'Close',
  };
  const on = (name, handle, target = document) => target.addEventListener(name, handle);
  // A field named "matches" hides the method of that name on its form; these look past it.
  const is = (element, selector) => element instanceof Element && Element.prototype.matches.call(element, selector);
  const all = (element, selector) => (element instanceof Element ? Element : Document).prototype.querySelectorAll.call(element, selector);
  const nearest = (element, selector) => (element instanceof Element ? Element.prototype.closest.call(element, selector) : null);
  const attribute = (element, name) => Element.prototype.getAttribute.call(element, name);
  const meta = (name) => document.querySelector(`meta[name="${name}"]`);

  // What this tab knows of the session; the two meta elements show the same to the page's own code.
  let version = Number(meta('session-version')?.content) || 0;
  let stamp = meta('account-stamp')?.content || '';
  const drawn = stamp; // whom the page was drawn for, for as long as it lives

  // Storage may be forbidden; then a reload only goes unannounced.
  const storage = {
    put(key, value) { try { sessionStorage.setItem(key, value); } catch { /* forbidden */ } },
    take(key) {
      try {
        const value = sessionStorage.getItem(key);
        sessionStorage.removeItem(key);
        return value;
      } catch { return null; }
    },
  };

  // ---- Unsaved input: fields that the person touched and that differ from how they were drawn.

  const touched = new Map(); // field or editable element -> its text before the first change
  on('beforeinput', ({ target }) => {
    if (target.isContentEditable && !touched.has(target)) touched.set(target, target.textContent);
  });
  for (const name of ['input', 'change']) {
    on(name, ({ target }) => { if (target.closest && !touched.has(target)) touched.set(target, ''); });
  }

  function differs(field, before) {
    if (field.isContentEditable) return field.textContent !== before;
    if (field.type === 'checkbox' || field.type === 'radio') return field.checked !== field.defaultChecked;
    if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected);
    return 'defaultValue' in field && field.value !== field.defaultValue;
  }

  // dirty tells whether there is unsaved input in root; fields that accept says no to do not count.
  function dirty(root = document, accept = () => true) {
    for (const [field, before] of touched) {
      if (!field.isConnected) touched.delete(field);
      else if (root.contains(field) && !field.closest('[data-account-ignore-input]') && differs(field, before) && accept(field)) {
        return true;
      }
    }
    return false;
  }

  // Fields that were sent as they are. The answer to that may replace them, for the account they were drawn for.
  const sent = new WeakSet();
  on('submit', ({ target }) => { for (const field of all(target, 'input,select,textarea')) sent.add(field); });
  for (const name of ['input', 'change']) on(name, ({ target }) => { sent.delete(target); });

  // holds tells whether nobody but the person may replace what is in root: a refresh and a push have to leave it. A view
  // that live.js looks after gets back what was typed, so there only what was typed as another account is in the way.
  const RETURNED = 'input,select,textarea,[contenteditable]';
  const holds = (root, view) => dirty(root, (field) =>
    stampOf(field) !== stamp || !(sent.has(field) || (is(view, '[data-live-state]') && is(field, RETURNED))));
  on('live:restored', ({ target, detail }) => touched.set(target, detail.drawn));

  // ---- Telling the person.

  function announce(message) {
    const announcer = document.getElementById('account-announcer');
    if (announcer) announcer.textContent = message;
  }

  const dismiss = () => document.getElementById('account-notice')?.remove();

  // notice puts a message at the top of the page, with buttons of [part, text, what a click does].
  function notice(message, buttons) {
    dismiss();
    const make = (tag, part, content, click) => {
      const element = document.createElement(tag);
      element.dataset.accountsPart = part;
      element.textContent = content;
      if (click) { element.type = 'button'; on('click', click, element); }
      return element;
    };
    const box = make('div', 'notice', '');
    box.id = 'account-notice';
    box.setAttribute('role', 'alert');
    document.body.prepend(box); // first empty: a screen reader speaks what is put into an alert that exists
    box.append(make('p', 'notice-text', message), ...buttons.map((button) => make('button', ...button)));
  }

  // question asks instead of reloading: nothing typed is lost unless the person says so.
  const question = (message) =>
    notice(message, [['notice-reload', text.reload, () => reload('')], ['notice-keep', text.keep, dismiss]]);

  // refusal shows why the server did not do what was asked. htmx by itself would keep it to itself.
  const refusal = (message) => notice(message, [['notice-close', text.close, dismiss]]);

  // A form, a link or an htmx request that changes something is on its way: a reload now would cancel where it leads.
  let departing = 0; // until then
  const depart = (milliseconds) => { departing = Date.now() + milliseconds; };
  on('submit', (event) => { if (!event.defaultPrevented) depart(15000); }, window);
  on('click', (event) => {
    const link = event.target.closest?.('a[href]');
    if (link && !event.defaultPrevented && !link.target && !link.download) depart(3000);
  }, window);
  // Of htmx only what changes something: a GET, perhaps one that polls, must not hold off a reload.
  const unsafe = (method) => Boolean(method) && method.toLowerCase() !== 'get';
  const issued = (method) => { if (unsafe(method)) depart(15000); };
  const answered = (method, redirect, location) => {
    if (unsafe(method)) depart(redirect ? 15000 : location ? 3000 : 1000);
  };
  on('htmx:beforeRequest', ({ detail }) => issued(detail.requestConfig?.verb)); // htmx 2
  on('htmx:afterRequest', ({ detail: { requestConfig, xhr } }) =>
    answered(requestConfig?.verb, xhr?.getResponseHeader('HX-Redirect'), xhr?.getResponseHeader('HX-Location')));
  on('htmx:before:request', ({ detail }) => issued(detail.ctx?.request?.method)); // htmx 4
  on('htmx:finally:request', ({ detail: { ctx } }) => answered(ctx?.request?.method, ctx?.hx?.redirect, ctx?.hx?.location));

  let leaving = false, later = 0;
  // The last reload brought the very same old page, from a cache in between: another one would not help.
  const page = `${version} ${drawn}`;
  const stuck = storage.take('account-reloaded') === page;

  function reload(spoken) {
    if (leaving) return;
    leaving = true;
    storage.put('account-reloaded', page);
    if (spoken) storage.put('account-announcement', spoken); // spoken by the page that comes
    location.reload();
    setTimeout(() => { leaving = false; }, 10000); // the page's own "leave site?" may have been answered with no
  }

  // reloadOrAsk reloads as soon as the tab is not on its way elsewhere. It asks instead when there is unsaved input by
  // then; without a text to ask with, the page stays as it is.
  function reloadOrAsk(spoken, asked, since = Date.now()) {
    clearTimeout(later);
    const now = Date.now();
    if (now < departing && now < since + 20000) later = setTimeout(reloadOrAsk, 200, spoken, asked, since);
    else if (!dirty() && !stuck) reload(spoken);
    else if (asked) question(asked);
  }

  // What was held back comes as soon as nothing is in its way.
  let behind = false;
  function hold(root) {
    behind = true;
    if (marked(root) !== stamp) question(version ? text.held : text.signedOut); // else only a detail of it is old
  }

  // A page that follows by fragments keeps what was typed as another account, beside what is drawn for this one.
  const elsewhere = () => dirty(document, (field) => stampOf(field) !== stamp);
  on('input', () => { if (behind && !dirty()) reloadOrAsk('', text.stale); });

  // ---- Following.

  const ours = new WeakSet(); // our own events, so that no other code can pass for them

  function emit(name, detail) {
    const event = new CustomEvent(name, { bubbles: true, detail });
    ours.add(event);
    document.body.dispatchEvent(event);
  }

  function changed(reason, fresh, choosing) {
    dismiss(); // what was asked before; what follows asks again
    if (!fresh) for (const told of document.querySelectorAll('[data-account-flash]')) told.remove(); // to the account before
    emit('session-changed', { v: version, reason, fresh });
    if (follow === 'fragments' && choosing) {
      reloadOrAsk(text.switched, text.stale); // there are no fragments of nobody, and a live view cannot connect
    } else if (follow !== 'reload') {
      if (!fresh) announce(text.switched);
      if (follow === 'fragments' && elsewhere()) {
        behind = true;
        question(text.held);
      }
    } else if (!fresh) {
      reloadOrAsk(text.switched, text.stale);
    } else {
      clearTimeout(later); // this page's account is current again
      // Only the list of accounts is out of date. htmx refreshes it on the event; else wait for a quiet moment.
      if (!window.htmx) reloadOrAsk('', '');
    }
  }

  function ended(reason) {
    emit('session-ended', { v: version, reason });
    if (follow === 'notify') announce(text.ended);
    else reloadOrAsk(text.ended, text.signedOut);
  }

  function learn(nextVersion, nextStamp) {
    version = nextVersion;
    stamp = nextStamp;
    meta('session-version')?.setAttribute('content', version);
    meta('account-stamp')?.setAttribute('content', stamp);
    // Snapshots that htmx 2 (also versions before 2.0.5) and htmx 4's extension keep show the account before.
    for (const name of ['sessionStorage', 'localStorage']) {
      try {
        Object.keys(window[name]).filter((key) => key.startsWith('htmx-history-'))
          .forEach((key) => window[name].removeItem(key));
      } catch { /* forbidden */ }
    }
  }

  async function ask(reason) {
    if (leaving || !state) return true;
    const url = new URL(state, location.href);
    url.searchParams.set('v', version);
    // "Is this page still right?" Under reload the page is what was loaded; else it was told of the last change.
    url.searchParams.set('stamp', follow === 'reload' ? drawn : stamp);
    let now;
    try {
      const options = { credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(10000) };
      const answer = await fetch(url, options);
      if (!answer.ok) return false;
      now = await answer.json();
    } catch { return false; }
    if (now.stale) { // the answer with the new cookie is still on its way: act when what is done next will be allowed
      await new Promise((done) => setTimeout(done, 100));
      return ask(reason);
    }
    if (now.v === version && now.stamp === stamp) return true;
    learn(now.v, now.stamp);
    if (version) changed(reason, now.fresh, now.choosing);
    else ended(reason);
    if (!timer) connect(); // the session may be a new one, without a socket yet
    return true;
  }

  // check compares with the server and acts on a difference; false: no answer. One question at a time, so that answers
  // arrive in order and the newest is the last.
  let questions = Promise.resolve();
  const check = (reason = 'updated') => (questions = questions.then(() => ask(reason)));

  const backoff = (tries) => Math.random() * Math.min(30000, 500 * 2 ** tries); // full jitter

  // insist is check for a change that is known to have happened.
  async function insist(reason, tries = 1) {
    if (!await check(reason)) setTimeout(() => insist(reason, tries + 1), backoff(tries));
  }

  // ---- The socket.

  let socket = null, timer = 0, tries = 0, away = false, refused = false;
  let unopened = 0; // websockets in a row that did not open although the server answers: something in between blocks them
  const BLOCKED = 'live-sockets-blocked'; // shared with live.js: until when this tab does not try websockets

  function blocked() {
    try { return Number(sessionStorage.getItem(BLOCKED)) > Date.now(); } catch { return false; }
  }

  // Stream is a websocket to us, which gets its messages as the answer to a request that does not end.
  class Stream extends EventTarget {
    #life = new AbortController();
    #quiet = 0;

    constructor(url) {
      super();
      this.#read(url).catch(() => this.#end(1006));
    }

    async #read(url) {
      this.#hear();
      const answer = await fetch(url, {
        headers: { Accept: 'text/event-stream', 'X-Live': 'stream' },
        credentials: 'same-origin', cache: 'no-store', signal: this.#life.signal,
      });
      const isStream = answer.ok && answer.headers.get('Content-Type')?.startsWith('text/event-stream');
      if (!isStream) throw new Error('no stream');
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ''; ;) {
        const { value, done } = await reader.read();
        if (done) throw new Error('it broke off');
        this.#hear();
        const blocks = (rest + value).split('\n\n');
        rest = blocks.pop();
        for (const block of blocks) this.#take(block);
      }
    }

    #take(block) {
      const of = (field) => block.split('\n').filter((line) => line.startsWith(field))
        .map((line) => line.slice(field.length).replace(/^ /, '')).join('\n');
      const name = of('event:'), data = of('data:');
      if (name === 'open') {
        storage.put(BLOCKED, Date.now() + 600000);
        this.dispatchEvent(new Event('open'));
      } else if (name === 'close') {
        this.#end(JSON.parse(data).code);
      } else if (data) {
        this.dispatchEvent(new MessageEvent('message', { data }));
      }
    }

    // The server says something every 25 seconds.
    #hear() {
      clearTimeout(this.#quiet);
      this.#quiet = setTimeout(() => this.#end(1006), 75000);
    }

    #end(code) {
      clearTimeout(this.#quiet);
      if (this.#life.signal.aborted) return;
      this.#life.abort();
      this.dispatchEvent(new CloseEvent('close', { code }));
    }

    close() { this.#end(1005); }
  }

  function open(url) {
    if (unopened >= 2 || blocked()) return new Stream(url);
    url.protocol = url.protocol.replace('http', 'ws');
    try { return new WebSocket(url); } catch { return new Stream(url); } // a policy may forbid it
  }

  function connect() {
    clearTimeout(timer);
    timer = 0;
    if (socket || away || refused || leaving || !version || !live) return;
    const url = new URL(live, location.href);
    url.searchParams.set('v', version);
    const current = open(url);
    socket = current;
    let opened = 0, over = false;
    // What is in between may also keep the handshake for itself.
    const late = setTimeout(() => { if (!opened && current instanceof WebSocket) { unopened = 2; current.close(); } }, 8000);

    on('open', () => {
      opened = Date.now();
      unopened = 0;
      clearTimeout(late);
    }, current);

    on('message', async ({ data }) => {
      let message;
      try { message = JSON.parse(data); } catch { return; }
      const { type, v, reason } = message || {};
      if (type === 'session-ended') {
        over = true;
        if (!await check(reason)) { learn(0, ''); ended(reason); }
      } else if ((type === 'session-changed' && v > version) || (type === 'hello' && v !== version)) {
        insist(reason);
      }
    }, current);

    on('close', async ({ code }) => {
      clearTimeout(late);
      if (socket !== current) return; // we closed it
      socket = null;
      if (opened && Date.now() - opened > 1000) tries = 0;
      // 1008 is final, unless the browser has a new session by now. A handshake that was refused says nothing about
      // why, so ask before the next.
      const before = stamp;
      const known = code === 1008 || !opened ? await check() : true;
      // After a stream that did not open either, a websocket has its turn again.
      if (!opened) unopened = current instanceof Stream ? 1 : known ? unopened + 1 : 0;
      if (code === 1008 && !over && stamp === before) { refused = true; return; }
      // 1012: come back at once, but not all tabs of a server in the same instant.
      const delay = code === 1012 && tries === 0 ? Math.random() * 250 : backoff(tries);
      tries++;
      clearTimeout(timer);
      timer = setTimeout(connect, delay);
    }, current);
  }

  on('visibilitychange', () => { if (!document.hidden) check().then(connect); });
  on('pagehide', () => { // perhaps into the back/forward cache, where a socket must not be
    away = true;
    clearTimeout(timer);
    timer = 0;
    const current = socket;
    socket = null;
    current?.close();
  }, window);
  on('pageshow', ({ persisted }) => {
    away = false;
    departing = 0;
    if (persisted) check().then(connect);
  }, window);

  // ---- Stamps. data-account-stamp marks what a subtree was drawn with; the nearest mark counts.

  const HEADER = 'X-Account-Stamp', MARK = 'data-account-stamp';
  // Elements that htmx carries over into new content: they keep the mark of the page they were drawn in.
  const KEPT = ['preserve', 'morph-skip', 'morph-skip-children']
    .map((name) => `[hx-${name}],[data-hx-${name}]`).join(',');

  const marked = (element) => {
    const drawnWith = nearest(element, `[${MARK}]`);
    return drawnWith ? attribute(drawnWith, MARK) : drawn;
  };

  // An element in a form that carries its own stamp is drawn with that one.
  const stampOf = (element) =>
    ownStamp(nearest(element, 'form')) || marked(element);
  const ownStamp = (form) => form && all(form, 'input[name="_stamp"]')[0]?.value;

  function mark(element, value) {
    for (const inner of element.querySelectorAll(`[${MARK}],${KEPT}`)) {
      if (!inner.matches(KEPT)) inner.removeAttribute(MARK);
      else if (!inner.hasAttribute(MARK)) inner.setAttribute(MARK, value);
    }
    if (!(element.matches(KEPT) && element.hasAttribute(MARK))) element.setAttribute(MARK, value);
  }

  const sameOrigin = (url) => {
    try { return new URL(url || '', document.baseURI).origin === location.origin; } catch { return false; }
  };

  // fillForms gives POST forms their stamp when they are drawn. At submit time it would be too late to know whose they are.
  function fillForms(root) {
    if (!(root instanceof Element || root instanceof Document)) return;
    for (const form of [root, ...all(root, 'form[method="post" i]')]) {
      if (!is(form, 'form[method="post" i]') || !sameOrigin(attribute(form, 'action'))) continue;
      if (all(form, 'input[name="_stamp"]').length) continue;
      const value = marked(form);
      if (!value) continue;
      const field = document.createElement('input');
      Object.assign(field, { type: 'hidden', name: '_stamp', value, autocomplete: 'off' });
      Element.prototype.append.call(form, field);
    }
  }

  // Only a refresh, a GET that our own event set off, may use the new stamp: its answer replaces what was drawn before.
  function stampRequest(headers, url, element, event, method) {
    if (!sameOrigin(url)) return;
    const refresh = ours.has(event) && method.toLowerCase() === 'get';
    const value = refresh ? stamp : stampOf(element);
    if (value && (refresh || !headers[HEADER])) headers[HEADER] = value;
  }

  // A refused request of a page with unsaved input must not reload it (the server's answer asks htmx to).
  function spareInput(event, status, refresh) {
    if (status !== 409 || refresh !== 'true' || !dirty()) return;
    event.preventDefault();
    check().then(() => question(version ? text.stale : text.signedOut));
  }

  // A refresh that our event set off must not replace what the person is typing, or has typed until the answer came.
  function spareField(event, source, target) {
    if (!ours.has(source) || !target?.contains || !holds(target)) return;
    event.preventDefault();
    hold(target);
  }

  // htmx 2
  on('htmx:configRequest', (event) => {
    const { detail } = event;
    spareField(event, detail.triggeringEvent, detail.target);
    stampRequest(detail.headers, detail.path, detail.elt, detail.triggeringEvent, detail.verb);
  });
  on('htmx:beforeOnLoad', (event) => {
    const xhr = event.detail?.xhr;
    if (xhr) spareInput(event, xhr.status, xhr.getResponseHeader('HX-Refresh'));
  });
  on('htmx:beforeSwap', (event) =>
    spareField(event, event.detail?.requestConfig?.triggeringEvent, event.detail?.target));
  on('htmx:oobBeforeSwap', (event) => { if (pushed && holds(event.target, pushed)) event.preventDefault(); });
  on('htmx:afterSwap', ({ detail, target }) => {
    const carried = detail?.requestConfig?.headers?.[HEADER]; // unknown for pushes: they inherit
    const added = document.getElementsByClassName(window.htmx?.config?.addedClass || 'htmx-added');
    for (const element of added) {
      if (!element.hasAttribute(MARK)) mark(element, carried ?? marked(element));
    }
    // Morphed content cannot be told from what stays. Without a mark to trust it is refused until the page reloads.
    if (carried && added.length === 0 && carried !== marked(target)) target.setAttribute?.(MARK, '');
  });
  on('htmx:load', ({ target }) => fillForms(target));
  // No snapshots of one account's pages, whatever the page configured: Back asks the server, with the page's stamp.
  on('htmx:beforeHistorySave', () => { if (window.htmx) window.htmx.config.historyCacheSize = 0; });
  on('htmx:historyCacheMiss', ({ detail }) => { if (drawn) detail.xhr?.setRequestHeader(HEADER, marked(document.body)); });
  on('htmx:historyCacheMissLoadError', () => reloadOrAsk('', text.stale));

  // htmx 4
  const sentWith = new WeakMap(); // swap task -> stamp that its request carried
  on('htmx:config:request', (event) => {
    const { ctx } = event.detail;
    spareField(event, ctx?.sourceEvent, ctx?.target);
    const request = ctx?.request;
    if (request) stampRequest(request.headers, request.action, ctx.sourceElement, ctx.sourceEvent, request.method);
  });
  on('htmx:before:response', (event) => {
    const response = event.detail?.ctx?.response;
    if (response) spareInput(event, response.status, response.headers.get('HX-Refresh'));
  });
  on('htmx:before:swap', ({ detail: { ctx, tasks = [] } }) => {
    const refresh = ours.has(ctx?.sourceEvent), push = !ctx?.request;
    for (let i = tasks.length - 1; i >= 0 && (refresh || push); i--) {
      const { target } = tasks[i];
      const element = typeof target === 'string' ? document.querySelector(target) : target;
      if (!element?.contains || !holds(element, push && ctx?.sourceElement)) continue;
      tasks.splice(i, 1);
      if (refresh) hold(element);
    }
    const carried = ctx?.request?.headers?.[HEADER];
    if (carried) for (const task of tasks) sentWith.set(task, carried);
  });
  on('htmx:before:settle', ({ detail }) => {
    const carried = sentWith.get(detail.task);
    if (carried) for (const node of detail.newContent) if (node.nodeType === Node.ELEMENT_NODE) mark(node, carried);
  });
  on('htmx:after:process', ({ target }) => fillForms(target));

  // What a live view is sent carries the stamp that its form or button was drawn with, unless it brings one itself.
  const stampEvent = (element, fields) => {
    const value = stampOf(element);
    if (fields && value && !('_stamp' in fields)) fields._stamp = value;
  };
  on('htmx:wsConfigSend', ({ target, detail }) => stampEvent(target, detail?.parameters)); // htmx 2
  on('htmx:ws:before:message:outgoing', ({ target, detail }) => stampEvent(target, detail?.message?.values)); // htmx 4

  // What live.js sends and shows. A connection that is new may be another account's: before its HTML meets what was
  // typed, the tab has to know whose that is. Without an answer the view connects again.
  on('live:navigate', ({ target, detail }) => {
    const value = stampOf(target);
    if (value) detail.message._stamp = value;
  });
  on('live:post', ({ detail }) => { // an app's guard in front of the view looks where it does for every other request
    const message = JSON.parse(detail.body), { _stamp: value } = message.values || message; // values: htmx 4
    if (value) detail.headers[HEADER] = value;
  });
  on('live:connected', ({ detail }) => {
    if (state && dirty()) detail.waitUntil(check().then((known) => known || Promise.reject(new Error('no answer'))));
  });

  // ---- Refusals: of an htmx request, told by HX-Trigger, and of an event of a live view, told over its socket.

  on('account-refused', ({ detail }) => {
    if (detail?.message && !detail.code?.startsWith('stale_')) refusal(detail.message); // those reload, or ask
  });
  // A message of ours is none of htmx's business, which could take a part of it for HTML.
  function overhear(event, data) {
    let message;
    try { message = JSON.parse(data); } catch { return; } // HTML, for htmx
    const { type, message: why } = message || {};
    if (type === 'session-changed' || type === 'session-ended') check(message.reason).then(() => why && question(why));
    else if (type !== 'refused') return;
    else if (why) refusal(why);
    event.preventDefault();
  }
  let pushed = null; // the view of whose socket htmx 2 is at a message, which it swaps in before anything else can happen
  on('htmx:wsBeforeMessage', (event) => { // htmx 2
    pushed = event.target;
    queueMicrotask(() => { pushed = null; });
    overhear(event, event.detail?.message);
  });
  on('htmx:ws:before:message:incoming', (event) => overhear(event, event.detail?.message?.data)); // htmx 4

  // ---- Start.

  function start() {
    if (drawn) mark(document.body, drawn);
    fillForms(document);
    const spoken = storage.take('account-announcement');
    if (spoken) setTimeout(announce, 150, spoken); // a live region speaks only what changes after it was read
    connect();
  }
  if (document.readyState === 'loading') on('DOMContentLoaded', start);
  else start();
})();
