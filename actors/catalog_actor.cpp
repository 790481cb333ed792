#include "actors/catalog_actor.hpp"

#include "core/base/in_doubt_error.hpp"

namespace fp {

caf::result<scan_result_ptr> catalog_state::scan() {
  try {
    auto found = std::make_shared<data_folder::scan_result>(folder->scan());
    for (const auto& record : found->indexes) {
      if (auto e = capture_error([&] { folder->sweep(record); })) {
        env->log->warn("{}: removing what an interrupted delete left: {}", record.name, text_of(e));
      }
    }
    return scan_result_ptr(std::move(found));
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<index_record, bool> catalog_state::create(const create_index_request& request) {
  try {
    create_request wish;
    wish.expect_does_not_exist = request.expect_does_not_exist;
    if (request.generation) wish.generation = *request.generation;
    auto result = folder->create(request.name, wish);
    return {std::move(result.record), result.created};
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<index_record, bool> catalog_state::create_replica(const lineage& of) {
  try {
    create_request wish;
    wish.lineage = of.generation;
    wish.part = env->settings.cluster.part();
    auto result = folder->create(of.index, wish);
    return {std::move(result.record), result.created};
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<done_atom> catalog_state::mark_filled(const index_record& record) {
  try {
    folder->mark_filled(record);
    return done_atom_v;
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<index_record> catalog_state::find(const std::string& index) {
  try {
    return folder->find(index);
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<erased_index> catalog_state::erase(const std::string& index) {
  try {
    auto record = folder->erase(index);
    return erased_index{record.has_value(), record.value_or(index_record{}), caf::none};
  } catch (const in_doubt_error& e) {
    return erased_index{true, {}, to_caf_error(e)};
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<done_atom> catalog_state::remove(const index_record& record) {
  try {
    folder->remove_generation(record.name, record.generation);
    return done_atom_v;
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<staged_index> catalog_state::stage(const restore_request& request) {
  try {
    stage_request wish{{}, request.replace};
    if (request.generation != 0) wish.generation = request.generation;
    return folder->stage(request.name, wish);
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<staged_index> catalog_state::stage_replica(const replica_restore& wanted) {
  const lineage& of = wanted.of;
  try {
    // It may have been deleted, or made anew, since somebody wanted it.
    const auto live = folder->find(of.index);
    if (live.lineage != wanted.replaced) {
      throw error(errc::index_not_found,
                  "index " + of.index + " has no generation " + std::to_string(wanted.replaced) + " any more");
    }
    stage_request wish;
    wish.replace = true;
    wish.lineage = of.generation;
    wish.replaced = wanted.replaced;
    wish.part = wanted.part;
    return folder->stage(of.index, wish);
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<done_atom> catalog_state::publish(const staged_index& staged) {
  try {
    folder->publish(staged);
    return done_atom_v;
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

catalog_handle::behavior_type catalog_actor(pooled_pointer<catalog_handle, catalog_state> self, environment_ptr env,
                                            std::shared_ptr<data_folder> folder) {
  keep_exception_text(self);
  self->state.env = std::move(env);
  self->state.folder = std::move(folder);
  return {
      [=](scan_atom) { return self->state.scan(); },
      [=](create_atom, const create_index_request& request) { return self->state.create(request); },
      [=](create_atom, const lineage& of) { return self->state.create_replica(of); },
      [=](filled_atom, const index_record& record) { return self->state.mark_filled(record); },
      [=](record_atom, const std::string& index) { return self->state.find(index); },
      [=](erase_atom, const std::string& index) { return self->state.erase(index); },
      [=](remove_atom, const index_record& record) { return self->state.remove(record); },
      [=](stage_atom, const restore_request& request) { return self->state.stage(request); },
      [=](stage_atom, const replica_restore& wanted) { return self->state.stage_replica(wanted); },
      [=](publish_atom, const staged_index& staged) { return self->state.publish(staged); },
      [=](discard_atom, const staged_index& staged) {
        self->state.folder->discard(staged.number);
        return done_atom_v;
      },
  };
}

}  // namespace fp
