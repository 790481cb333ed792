#pragma once

#include "app/gateway/gateway_bridge.hpp"
#include "app/http/http_types.hpp"

namespace fp {

/// A backup as the body of an answer. The stream ends with the object. A stream that fails cuts the body short.
class backup_body final : public body_source {
 public:
  backup_body(bridge_handle bridge, backup_stream_handle stream)
      : bridge_(std::move(bridge)), stream_(std::move(stream)) {}
  ~backup_body() override;
  backup_body(const backup_body&) = delete;
  backup_body& operator=(const backup_body&) = delete;

  void next(piece_callback deliver) override;

 private:
  bridge_handle bridge_;
  backup_stream_handle stream_;
};

}  // namespace fp
