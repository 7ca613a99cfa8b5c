// The page's WebSocket: it comes back by itself, and says when it is gone.

const FIRST_MS = 500;
const LONGEST_MS = 10_000;
const SILENCE_MS = 30_000; // the server tells its state every few seconds

export class Connection {
  /** onMessage(message, jpeg or null); onState("open" | "closed", seconds until the next try) */
  constructor(onMessage, onState) {
    Object.assign(this, { onMessage, onState, delay: FIRST_MS, watched: null });
    setInterval(() => this.checkSilence(), 5000);
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.heard = Date.now();
      if (this.watched !== null) this.watch(this.watched);
    };
    socket.onmessage = (event) => this.take(socket, event.data);
    socket.onclose = () => this.socket === socket && this.retry();
  }

  take(socket, data) {
    if (socket !== this.socket) return;
    this.heard = Date.now();
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.type === "hello") {
        this.delay = FIRST_MS;
        this.onState("open", 0);
      }
      this.onMessage(message, null);
      return;
    }
    const length = new DataView(data).getUint32(0);
    const head = new TextDecoder().decode(new Uint8Array(data, 4, length));
    const jpeg = new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" });
    this.onMessage({ type: "frame", ...JSON.parse(head) }, jpeg);
  }

  /** sources: the numbers of those to be sent, null for all */
  watch(sources) {
    this.watched = sources;
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify({ watch: sources }));
    }
  }

  retry() {
    const wait = this.delay * (0.75 + 0.5 * Math.random());
    this.delay = Math.min(2 * this.delay, LONGEST_MS);
    this.timer = setTimeout(() => this.open(), wait);
    this.onState("closed", wait / 1000);
  }

  checkSilence() {
    if (this.socket?.readyState === WebSocket.OPEN && Date.now() - this.heard > SILENCE_MS) {
      this.socket.close();
      this.socket = null;
      this.retry();
    }
  }
}
