#pragma once

#include <caf/atom.hpp>
#include <caf/type_id.hpp>

// What is said without further words. An atom's text has at most 10 characters.

// Between remote actors and the node.
CAF_ADD_ATOM(fpnode, fp, status_atom, "status")
CAF_ADD_ATOM(fpnode, fp, subscribe_atom, "subscribe")
CAF_ADD_ATOM(fpnode, fp, checkpoint_atom, "checkpoint")
CAF_ADD_ATOM(fpnode, fp, merge_atom, "merge")
CAF_ADD_ATOM(fpnode, fp, reload_atom, "reload")
CAF_ADD_ATOM(fpnode, fp, list_atom, "list")
CAF_ADD_ATOM(fpnode, fp, resolve_atom, "resolve")
CAF_ADD_ATOM(fpnode, fp, shutdown_atom, "shutdown")
CAF_ADD_ATOM(fpnode, fp, finish_atom, "finish")
CAF_ADD_ATOM(fpnode, fp, slice_atom, "slice")
CAF_ADD_ATOM(fpnode, fp, cluster_atom, "cluster")

// Between the actors of one node.
CAF_ADD_ATOM(fpnode, fp, acquire_atom, "acquire")
CAF_ADD_ATOM(fpnode, fp, release_atom, "release")
CAF_ADD_ATOM(fpnode, fp, next_atom, "next")
CAF_ADD_ATOM(fpnode, fp, stop_atom, "stop")
CAF_ADD_ATOM(fpnode, fp, sweep_atom, "sweep")
CAF_ADD_ATOM(fpnode, fp, store_atom, "store")
CAF_ADD_ATOM(fpnode, fp, append_atom, "append")
CAF_ADD_ATOM(fpnode, fp, build_atom, "build")
CAF_ADD_ATOM(fpnode, fp, truncate_atom, "truncate")
CAF_ADD_ATOM(fpnode, fp, close_atom, "close")
CAF_ADD_ATOM(fpnode, fp, tick_atom, "tick")
CAF_ADD_ATOM(fpnode, fp, expire_atom, "expire")
CAF_ADD_ATOM(fpnode, fp, scan_atom, "scan")
CAF_ADD_ATOM(fpnode, fp, scrape_atom, "scrape")
CAF_ADD_ATOM(fpnode, fp, history_atom, "history")
CAF_ADD_ATOM(fpnode, fp, create_atom, "create")
CAF_ADD_ATOM(fpnode, fp, erase_atom, "erase")
CAF_ADD_ATOM(fpnode, fp, remove_atom, "remove")
CAF_ADD_ATOM(fpnode, fp, stage_atom, "stage")
CAF_ADD_ATOM(fpnode, fp, publish_atom, "publish")
CAF_ADD_ATOM(fpnode, fp, discard_atom, "discard")
CAF_ADD_ATOM(fpnode, fp, scrub_atom, "scrub")
CAF_ADD_ATOM(fpnode, fp, record_atom, "record")
CAF_ADD_ATOM(fpnode, fp, settings_atom, "settings")
// The answer to what has nothing else to say: CAF sends `unit_t` as an empty message, which no handler accepts.
CAF_ADD_ATOM(fpnode, fp, done_atom, "done")
CAF_ADD_ATOM(fpnode, fp, connect_atom, "connect")
CAF_ADD_ATOM(fpnode, fp, listening_atom, "listening")
CAF_ADD_ATOM(fpnode, fp, unreadable_atom, "unreadable")
CAF_ADD_ATOM(fpnode, fp, work_atom, "work")
CAF_ADD_ATOM(fpnode, fp, news_atom, "news")
CAF_ADD_ATOM(fpnode, fp, watch_atom, "watch")
CAF_ADD_ATOM(fpnode, fp, filled_atom, "filled")
CAF_ADD_ATOM(fpnode, fp, resync_atom, "resync")
