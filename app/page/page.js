// Starts the page: asks the node for its overview again and again, and hands the answer to those who show it.

import * as api from "./api.js";
import { setAttribute, setText, show } from "./dom.js";
import * as format from "./format.js";
import { IndexList } from "./index_list.js";
import { urgency } from "./index_order.js";
import { SearchBox } from "./search_box.js";
import { SignIn } from "./sign_in.js";
import { showNode, showSums } from "./summary.js";

const everyMs = 1000;
const everyMsWhileLoading = 250;
const everyMsUnreachable = 2000;

const byId = (id) => document.getElementById(id);
const announce = (text) => setText(byId("announcements"), text);
const searchBox = new SearchBox();
const list = new IndexList(announce, (name) => searchBox.follow(name));
const signIn = new SignIn(() => again());

let timer = null;
let lastSeen = null;  // wall clock
let asking = false;

function connected() {
  lastSeen = Date.now();
  signIn.showState();
  show(byId("banner"), false);
  setText(byId("banner-text"), "");
  show(byId("main"), true);
  document.body.classList.remove("stale");
}

/** Green is kept for a node of which nothing must be told. */
function showHealth(indexes) {
  const failed = indexes.filter((i) => i.state === "failed").length;
  const troubled = indexes.filter((i) => urgency(i) === 1).length;
  const words = failed > 0 ? `${failed} failed` : troubled > 0 ? `${troubled} in trouble` : "Live";
  setText(byId("connection"), words);
  setAttribute(byId("connection"), "data-state", failed > 0 ? "failing" : troubled > 0 ? "troubled" : "live");
}

function disconnected(why) {
  setText(byId("banner-text"), why);
  const seen = lastSeen === null
    ? "It has not been seen since this page was opened."
    : `Last seen ${format.duration(Date.now() - lastSeen)} ago, at ${new Date(lastSeen).toLocaleTimeString()}. ` +
      "What is shown is from then.";
  setText(byId("banner-detail"), `${seen} Trying again every ${everyMsUnreachable / 1000} seconds.`);
  show(byId("banner"), true);
  setText(byId("connection"), "Unreachable");
  setAttribute(byId("connection"), "data-state", "unreachable");
  document.body.classList.add("stale");
}

/** Until somebody signs in nothing is asked, and what the node said before is not shown to whoever looks. */
function signedOut() {
  signIn.ask();
  show(byId("banner"), false);
  setText(byId("banner-text"), "");
  show(byId("main"), false);
  setText(byId("connection"), "Signed out");
  setAttribute(byId("connection"), "data-state", "signed-out");
}

function showOverview({ node, indexes }) {
  showNode(node);
  showHealth(indexes);
  list.update(indexes, performance.now());
  showSums(indexes, list.rows);
  searchBox.update(indexes, node.has_names, node.takes_sound);
  document.body.dataset.known = "true";
  return indexes.some((i) => i.state === "loading") ? everyMsWhileLoading : everyMs;
}

async function poll() {
  if (asking) return;
  asking = true;
  let next = everyMsUnreachable;
  try {
    const overview = await api.overview();
    connected();
    next = showOverview(overview);
  } catch (e) {
    if (!(e instanceof api.NodeError)) throw e;
    if (e.status === 401) {
      signedOut();
    } else {
      disconnected(e.message);
    }
  } finally {
    asking = false;
    if (!document.hidden && !signIn.waits) timer = setTimeout(poll, next);
  }
}

function again() {
  clearTimeout(timer);
  poll();
}

// Nobody looks at a hidden page, so it asks for nothing.
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden && !signIn.waits) poll();
});

poll();
