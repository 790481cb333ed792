#include "core/fpindex/segment_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/little_endian.hpp"
#include "core/fpindex/crc64_xz.hpp"
#include "core/fpindex/message_pack.hpp"
#include "core/segment/document_table.hpp"
#include "core/segment/posting_table.hpp"

namespace fp::fpindex {

namespace {

constexpr size_t window_items = 8192;
constexpr size_t items_for_a_block = max_block_items + 4;
/// A few milliseconds each.
constexpr size_t documents_a_slice = size_t{1} << 18, blocks_a_slice = size_t{1} << 14;
constexpr uint64_t bytes_a_verified_slice = uint64_t{16} << 20;

const document_filter nothing_dropped;

void write_header(const segment_info& info, std::vector<std::byte>& out) {
  message_pack_writer w(out);
  w.map_header(5);
  w.number(0);
  w.number(segment_magic);
  w.number(1);
  write(info, w);
  w.number(2);
  w.boolean(true);
  w.number(3);
  w.boolean(true);
  w.number(4);
  w.number(block_bytes);
}

/// The checksum takes nine bytes whatever it is, so that a footer's length is known before it.
void write_footer_map(uint64_t num_items, uint64_t num_blocks, uint64_t checksum, std::vector<std::byte>& out) {
  message_pack_writer w(out);
  w.map_header(4);
  w.number(0);
  w.number(footer_magic);
  w.number(1);
  w.number(num_items);
  w.number(2);
  w.number(num_blocks);
  w.number(3);
  std::array<std::byte, 9> number{std::byte{0xcf}};
  for (size_t i = 0; i < 8; i++) number[1 + i] = static_cast<std::byte>(checksum >> (56 - 8 * i));
  w.raw(number);
}

bool is_kept(const metadata_entry& entry, const index_metadata& index) {
  return entry.value && index.find(entry.key);
}

/// Bytes of a document in its map.
uint64_t document_bytes(document_id id) noexcept { return 2 + (id > 0x7f) + (id > 0xff) + 2 * (id > 0xffff); }

void reach_documents(const document_table& table, uint64_t position, read_ahead& ahead) {
  ahead.reached(table.addresses_of(position)[0]);
}

}  // namespace

uint64_t segment_plan::num_bytes() const {
  std::vector<std::byte> footer;
  write_footer_map(num_items, num_blocks, 0, footer);
  return head_bytes + (num_blocks + 1) * block_bytes + num_blocks * sizeof(hash_value) + footer.size() +
         sizeof(uint32_t);
}

posting_window::posting_window(const segment& of)
    : source_(make_posting_source(of, nothing_dropped)), buffer_(window_items) {}

std::span<const posting> posting_window::ahead() {
  if (end_ - begin_ < items_for_a_block && !at_end_) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
    while (end_ < buffer_.size() && !at_end_) {
      const size_t count = source_->read(std::span(buffer_).subspan(end_));
      end_ += count;
      at_end_ = count == 0;
    }
  }
  return std::span<const posting>(buffer_).subspan(begin_, end_ - begin_);
}

// -- Sizes

segment_sizer::segment_sizer(const segment& of, const index_metadata& index, const segment_info& info)
    : of_(of), documents_ahead_(of), postings_(of) {
  plan_.info = info;
  plan_.num_items = of.postings().size();
  count_metadata(index);
}

void segment_sizer::count_metadata(const index_metadata& index) {
  std::vector<std::byte> buffer;
  message_pack_writer w(buffer);
  const auto measure = [&] {
    plan_.head_bytes += buffer.size();
    buffer.clear();
  };
  write_header(plan_.info, buffer);
  for (const metadata_entry& entry : of_.metadata()) {
    if (!is_kept(entry, index)) continue;
    plan_.num_metadata++;
    w.string(entry.key);
    w.string(*entry.value);
    measure();
  }
  w.map_header(plan_.num_metadata);
  w.map_header(static_cast<uint32_t>(of_.document_states().size()));
  measure();
}

std::optional<segment_plan> segment_sizer::advance() {
  if (!advance_documents() || !advance_blocks()) return std::nullopt;
  return plan_;
}

bool segment_sizer::advance_documents() {
  const document_table& table = of_.document_states();
  if (next_document_ == table.size()) return true;
  const uint64_t end = std::min(table.size(), next_document_ + documents_a_slice);
  for (; next_document_ < end; next_document_++) {
    reach_documents(table, next_document_, documents_ahead_);
    plan_.head_bytes += document_bytes(table.id_at(next_document_));
  }
  return false;
}

bool segment_sizer::advance_blocks() {
  const document_id min_document = of_.info().min_document;
  for (size_t i = 0; i < blocks_a_slice; i++) {
    const size_t count = count_block_items(postings_.ahead(), min_document);
    if (count == 0) {
      plan_.head_bytes = (plan_.head_bytes + block_bytes - 1) / block_bytes * block_bytes;
      return true;
    }
    postings_.consume(count);
    plan_.num_blocks++;
  }
  return false;
}

// -- Bytes

segment_writer::segment_writer(std::string name, const segment& of, const index_metadata& index,
                               const segment_plan& plan, size_t max_chunk_bytes)
    : name_(std::move(name)),
      of_(of),
      index_(index),
      plan_(plan),
      max_chunk_bytes_(max_chunk_bytes),
      next_metadata_(of.metadata().begin()),
      documents_ahead_(of),
      postings_(of) {}

std::span<const std::byte> segment_writer::next() {
  if (given_ == chunk_.size()) {
    chunk_.clear();
    given_ = 0;
    make_chunk();
  }
  const size_t count = std::min(chunk_.size() - given_, max_chunk_bytes_);
  return std::span<const std::byte>(chunk_).subspan(std::exchange(given_, given_ + count), count);
}

void segment_writer::make_chunk() {
  switch (step_) {
    case step::head:
      return write_head();
    case step::metadata:
      return write_metadata();
    case step::documents:
      return write_documents();
    case step::blocks:
      return write_blocks();
    case step::verify:
      return verify();
    case step::index:
      return write_index();
    case step::footer:
      return write_footer();
    case step::end:
      return;
  }
}

void segment_writer::write_head() {
  write_header(plan_.info, chunk_);
  message_pack_writer(chunk_).map_header(plan_.num_metadata);
  num_head_ = chunk_.size();
  step_ = step::metadata;
}

void segment_writer::write_metadata() {
  message_pack_writer w(chunk_);
  for (; next_metadata_ != of_.metadata().end() && !is_full(); ++next_metadata_) {
    const metadata_entry entry = *next_metadata_;
    if (!is_kept(entry, index_)) continue;
    w.string(entry.key);
    w.string(*entry.value);
  }
  if (next_metadata_ == of_.metadata().end()) {
    w.map_header(static_cast<uint32_t>(of_.document_states().size()));
    step_ = step::documents;
  }
  num_head_ += chunk_.size();
}

void segment_writer::write_documents() {
  const document_table& table = of_.document_states();
  message_pack_writer w(chunk_);
  for (; next_document_ < table.size() && !is_full(); next_document_++) {
    reach_documents(table, next_document_, documents_ahead_);
    w.number(table.id_at(next_document_));
    w.boolean(!table.deleted_at(next_document_));
  }
  num_head_ += chunk_.size();
  if (next_document_ < table.size()) return;
  if (!is_head_as_planned()) {
    step_ = step::verify;
    return;
  }
  chunk_.resize(chunk_.size() + (plan_.head_bytes - num_head_));
  step_ = step::blocks;
}

void segment_writer::write_blocks() {
  while (chunk_.size() + block_bytes <= std::max(max_chunk_bytes_, block_bytes)) {
    const auto items = postings_.ahead();
    const size_t at = chunk_.size();
    chunk_.resize(at + block_bytes);
    const auto block = std::span(chunk_).subspan(at).first<block_bytes>();
    const size_t count = encode_block(items, of_.info().min_document, block);
    if (count == 0 || num_blocks_ == plan_.num_blocks) {
      step_ = step::verify;
      return;
    }
    const hash_value largest = posting_hash(items[count - 1]);
    for (hash_value left = largest - std::exchange(last_largest_, largest);; left >>= 7) {
      largest_hashes_.push_back(static_cast<std::byte>((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
      if (left <= 0x7f) break;
    }
    checksum_ = crc64_xz(block, checksum_);
    num_items_ += count;
    num_blocks_++;
    postings_.consume(count);
  }
}

void segment_writer::verify() {
  if (!checker_) {
    const auto page = of_.bytes().first<segment_header_bytes>();
    checker_.emplace(name_, page, of_.bytes().size());
    unverified_ = of_.bytes().subspan(page.size());
    bytes_ahead_.emplace(of_);
  }
  uint64_t left = bytes_a_verified_slice;
  while (left > 0 && !unverified_.empty()) {
    const auto piece = unverified_.first(std::min<size_t>(unverified_.size(), read_ahead::window));
    bytes_ahead_->reached(piece.data());
    checker_->update(piece);
    unverified_ = unverified_.subspan(piece.size());
    left -= std::min<uint64_t>(left, piece.size());
  }
  if (!unverified_.empty()) return;
  if (!is_head_as_planned() || num_blocks_ != plan_.num_blocks || num_items_ != plan_.num_items) {
    throw error(errc::corrupt_data, name_ + ": it reads differently from before");
  }
  step_ = step::index;
}

void segment_writer::write_index() {
  if (next_largest_ == 0) last_largest_ = 0;
  while (next_largest_ < largest_hashes_.size() && !is_full()) {
    hash_value difference = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = std::to_integer<hash_value>(largest_hashes_[next_largest_++]);
      difference |= (byte & 0x7f) << shift;
      if (byte <= 0x7f) break;
    }
    last_largest_ += difference;
    const size_t at = chunk_.size();
    chunk_.resize(at + sizeof last_largest_);
    put(std::span(chunk_), at, last_largest_);
  }
  if (next_largest_ < largest_hashes_.size()) return;
  largest_hashes_ = std::vector<std::byte>();
  step_ = step::footer;
}

void segment_writer::write_footer() {
  write_footer_map(num_items_, num_blocks_, checksum_, chunk_);
  const auto length = static_cast<uint32_t>(chunk_.size());
  chunk_.resize(chunk_.size() + sizeof length);
  put(std::span(chunk_), length, length);
  step_ = step::end;
}

}  // namespace fp::fpindex
