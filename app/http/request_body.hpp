#pragma once

#include <algorithm>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>
#include <cstdint>
#include <string>

namespace fp::http_detail {

/// The body of a request as Beast's parser fills it. It takes memory by what has arrived, never by what the client
/// announces: at most twice as much, and not more than was announced.
struct request_body {
  using value_type = std::string;

  class reader {
   public:
    template <bool IsRequest, class Fields>
    reader(boost::beast::http::header<IsRequest, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<uint64_t>& announced, boost::system::error_code& ec) {
      announced_ = announced.value_or(UINT64_MAX);
      ec = {};
    }
    template <class Buffers>
    size_t put(const Buffers& buffers, boost::system::error_code& ec) {
      const size_t bytes = boost::beast::buffer_bytes(buffers);
      make_room_for(body_.size() + bytes);
      for (const auto b : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(b.data()), b.size());
      }
      ec = {};
      return bytes;
    }
    void finish(boost::system::error_code& ec) { ec = {}; }

   private:
    void make_room_for(size_t bytes) {
      if (bytes <= body_.capacity()) return;
      // A string that grows by itself goes beyond what was announced.
      std::string grown;
      grown.reserve(std::max<uint64_t>(bytes, std::min<uint64_t>(2 * body_.capacity(), announced_)));
      grown.append(body_);
      body_.swap(grown);
    }

    value_type& body_;
    uint64_t announced_ = UINT64_MAX;
  };
};

}  // namespace fp::http_detail
