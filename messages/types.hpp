#pragma once

#include <caf/type_id.hpp>

#include "messages/error.hpp"
#include "messages/interfaces.hpp"
#include "messages/requests.hpp"

CAF_BEGIN_TYPE_ID_BLOCK(fpnode, first_custom_type_id)

CAF_ADD_TYPE_ID(fpnode, (fp::search_request))
CAF_ADD_TYPE_ID(fpnode, (fp::search_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::search_batch_request))
CAF_ADD_TYPE_ID(fpnode, (fp::search_batch_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::update_request))
CAF_ADD_TYPE_ID(fpnode, (fp::update_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::document_request))
CAF_ADD_TYPE_ID(fpnode, (fp::document_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::index_info_request))
CAF_ADD_TYPE_ID(fpnode, (fp::index_info))
CAF_ADD_TYPE_ID(fpnode, (fp::segments_request))
CAF_ADD_TYPE_ID(fpnode, (fp::segment_list))
CAF_ADD_TYPE_ID(fpnode, (fp::load_progress))
CAF_ADD_TYPE_ID(fpnode, (fp::index_status))
CAF_ADD_TYPE_ID(fpnode, (fp::upkeep_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::create_index_request))
CAF_ADD_TYPE_ID(fpnode, (fp::create_index_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::delete_index_request))
CAF_ADD_TYPE_ID(fpnode, (fp::delete_index_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::resync_request))
CAF_ADD_TYPE_ID(fpnode, (fp::resync_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::drain_request))
CAF_ADD_TYPE_ID(fpnode, (fp::drain_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::index_list))
CAF_ADD_TYPE_ID(fpnode, (fp::node_status))
CAF_ADD_TYPE_ID(fpnode, (fp::slice_questions))
CAF_ADD_TYPE_ID(fpnode, (fp::slice_replies))
CAF_ADD_TYPE_ID(fpnode, (fp::slice_document))
CAF_ADD_TYPE_ID(fpnode, (fp::slice_status))
CAF_ADD_TYPE_ID(fpnode, (fp::cluster_status))
CAF_ADD_TYPE_ID(fpnode, (fp::backup_piece))
CAF_ADD_TYPE_ID(fpnode, (fp::snapshot_request))
CAF_ADD_TYPE_ID(fpnode, (fp::snapshot_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::restore_request))
CAF_ADD_TYPE_ID(fpnode, (fp::restore_reply))
CAF_ADD_TYPE_ID(fpnode, (fp::backup_stream_handle))
CAF_ADD_TYPE_ID(fpnode, (fp::restore_handle))
CAF_ADD_TYPE_ID(fpnode, (fp::index_handle))
CAF_ADD_TYPE_ID(fpnode, (fp::node_handle))
CAF_ADD_TYPE_ID(fpnode, (fp::progress_observer))

CAF_END_TYPE_ID_BLOCK(fpnode)

namespace fp {

/// Makes our message types and error codes known to an actor system. Every program that speaks with a node calls it
/// before it makes its `caf::actor_system`.
template <class Config>
void register_messages(Config& c) {
  c.template add_message_types<caf::id_block::fpnode>();
  c.add_error_category(error_category, [](uint8_t code, caf::atom_value, const caf::message& context) {
    std::string text(to_string(static_cast<errc>(code)));
    if (context.match_elements<std::string>()) text += ": " + context.get_as<std::string>(0);
    return text;
  });
}

}  // namespace fp
