#pragma once

#include <map>
#include <optional>
#include <string>

#include "app/client/client.hpp"
#include "app/identify/identifier.hpp"
#include "app/library/recording_library.hpp"

namespace fp::ctl {

/// The recordings of an index of a node, and of its second index in the telephone's band, with what a library knows
/// of them.
class node_recordings : public known_recordings {
 public:
  /// `library`: none, when null. `wanted`: the form to be asked in alone; else the index's own, and the telephone's
  /// band where there is an index for it.
  node_recordings(client& node, recording_library* library, std::string index, std::optional<hash_form> wanted,
                  uint32_t ready_wait_ms);

  /// Asks the node which form the index has. Throws what that throws; `unsupported_format` for a form that is not
  /// known, `bad_request` when what is there is not in the form that is wanted.
  void open();

  bool has(hash_form form) override;
  std::vector<std::vector<search_result>> search(hash_form form, std::vector<query> queries) override;
  std::optional<std::vector<hash_value>> fingerprint(hash_form form, document_id id) override;

  std::optional<recording> find(hash_form form, document_id id);
  /// What a person should know of the library before it names anything; empty: nothing.
  std::string note() const { return note_; }
  hash_form main_form() const noexcept { return main_form_; }

 private:
  hash_form ask_form(const std::string& index);
  void check_generation(const std::string& index);

  client& node_;
  recording_library* library_;
  std::string index_;
  std::optional<hash_form> wanted_;
  uint32_t ready_wait_ms_;
  hash_form main_form_ = hash_form::plain;
  std::map<hash_form, std::string> indexes_;
  bool looked_for_phone_ = false;
  std::string note_;
};

}  // namespace fp::ctl
