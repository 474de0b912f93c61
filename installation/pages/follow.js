// A page's socket in, each piece of news out; after a break it connects again by itself, and meanwhile says so.
const FIRST_MS = 300;
const LONGEST_MS = 3000;
const SILENT_MS = 30000; // the server gives a sign of life every ten seconds
const GONE = "disconnected; this page goes on by itself when its server is there again";
const ANOTHER = "this page's server was started anew: open the address that it printed";

/** news(topics) is called with each message; link("") when connected, link(why) when not. path is relative to the page.
 * What comes back says something to the server, and whether that could be sent. */
export function follow(path, news, link) {
  const address = new URL(path, location.href);
  let wait = FIRST_MS;
  let socket = null;

  function connect() {
    socket = new WebSocket(address.href.replace(/^http/, "ws"));
    let silence = 0;
    const hear = () => {
      clearTimeout(silence);
      silence = setTimeout(() => socket?.close(), SILENT_MS);
    };
    socket.onopen = () => {
      wait = FIRST_MS;
      link("");
      hear();
    };
    socket.onmessage = (event) => {
      hear();
      news(JSON.parse(event.data));
    };
    socket.onclose = async () => {
      clearTimeout(silence);
      link(await why());
      setTimeout(connect, wait);
      wait = Math.min(2 * wait, LONGEST_MS);
    };
  }

  /** A socket does not tell why it could not be opened: another server at this port does not know this visitor. */
  async function why() {
    try {
      return (await fetch(location.pathname, { method: "HEAD" })).status === 403 ? ANOTHER : GONE;
    } catch {
      return GONE;
    }
  }

  connect();
  return (said) => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(said));
    return true;
  };
}
