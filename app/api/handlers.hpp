#pragma once

// Who answers the requests of each endpoint. Each runs on an I/O thread and answers through the call, then or
// later.

namespace fp {

struct api_call;
struct api_service;

namespace handlers {

// Of the node (node_handlers.cpp).
void node_health(const api_service& service, api_call& call);
void node_readiness(const api_service& service, api_call& call);
void metrics(const api_service& service, api_call& call);
void page_file(const api_service& service, api_call& call);
void overview(const api_service& service, api_call& call);
void fingerprint(const api_service& service, api_call& call);

// Of the changelog, where others may follow it (changelog_handlers.cpp).
void append_to_changelog(const api_service& service, api_call& call);
void read_changelog(const api_service& service, api_call& call);
void create_lineage(const api_service& service, api_call& call);
void delete_lineage(const api_service& service, api_call& call);
void read_meta_feed(const api_service& service, api_call& call);
void truncate_changelog(const api_service& service, api_call& call);
void bootstrap(const api_service& service, api_call& call);

// Of an index, whose name is a valid one (index_handlers.cpp).
void create_index(const api_service& service, api_call& call);
void delete_index(const api_service& service, api_call& call);
void describe_index(const api_service& service, api_call& call);
void tell_health(const api_service& service, api_call& call);
void tell_status(const api_service& service, api_call& call);
void tell_cluster(const api_service& service, api_call& call);
void tell_history(const api_service& service, api_call& call);
void list_segments(const api_service& service, api_call& call);
void back_up(const api_service& service, api_call& call);

// Of its documents (document_handlers.cpp).
void search(const api_service& service, api_call& call);
void identify(const api_service& service, api_call& call);
void update(const api_service& service, api_call& call);
void find_document(const api_service& service, api_call& call);
void put_document(const api_service& service, api_call& call);
void delete_document(const api_service& service, api_call& call);

}  // namespace handlers

}  // namespace fp
