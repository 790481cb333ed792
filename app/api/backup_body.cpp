#include "app/api/backup_body.hpp"

namespace fp {

namespace {

// One piece comes from the disk, at worst.
constexpr auto piece_timeout = std::chrono::minutes(5);

}  // namespace

backup_body::~backup_body() { caf::anon_send(stream_, close_atom_v); }

void backup_body::next(piece_callback deliver) {
  caf::anon_send(bridge_, bridge_call{[stream = stream_, deliver = std::move(deliver)](bridge_state& b) {
                   b.ask<backup_piece>(
                       stream, piece_timeout,
                       [deliver](const backup_piece& p) {
                         // Not by iterators, which copies one byte after the other.
                         deliver(std::string(reinterpret_cast<const char*>(p.bytes.data()), p.bytes.size()));
                       },
                       [deliver](const caf::error&) { deliver(std::nullopt); }, next_atom_v);
                 }});
}

}  // namespace fp
