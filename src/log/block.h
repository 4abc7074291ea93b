// SPDX-License-Identifier: Apache-2.0
//
// Block: some rows of the access log as one text, which stands in one row of a partition.  A JSON
// array of arrays, so that every SQLite tool can take it apart; on one line, without blanks:
//
//   [[0,"0a1b...",3,"/a",...],[1024,"0a1c...",3,"/b",...]]
//
// BlockWriter makes one, BlockReader takes apart what BlockWriter made and little else: numbers are
// integers of 64 bits, texts are bytes of which only ", \ and those below 0x20 are escaped.
// Owners: Partition, PartitionReader. One thread each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::log {

/// A value as it stands in a partition: a number, of the dictionary too, or a text.
struct BlockValue {
  bool is_number = true;
  std::int64_t number = 0;
  std::string_view text;
};

class BlockWriter {
public:
  bool empty() const noexcept { return size_ == 0; }
  /// Of what the rows so far take.
  std::size_t bytes() const noexcept { return size_; }

  void begin_row();
  void number(std::int64_t value);
  void text(std::string_view value);
  void value(const BlockValue& value);
  void end_row();
  /// All rows since clear(); valid until the next call.
  std::string_view finish();
  void clear() noexcept { size_ = 0; }

private:
  /// Room for so many bytes more, behind what is there.
  char* room(std::size_t bytes);
  void wrote(const char* end) noexcept { size_ = static_cast<std::size_t>(end - bytes_.get()); }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

class BlockReader {
public:
  /// `block` must stay valid.
  explicit BlockReader(std::string_view block) noexcept : size_(block.size()), rest_(block) {}
  /// The values of the next row, one at least; their texts are valid until the next call. False:
  /// there is none, or the block is damaged here.
  bool next(std::vector<BlockValue>& values);
  /// All rows were read, and nothing is left.
  bool at_end() const noexcept { return at_ == At::end; }

private:
  enum class At : std::uint8_t {
    begin,  // nothing was read
    row,    // behind one
    end,    // behind all of the block
    damage, // before what cannot be read
  };

  bool take(char c) noexcept;
  bool take_value(BlockValue& value);
  bool take_number(std::int64_t& number) noexcept;
  bool take_text(std::string_view& text);
  std::string_view resolve(std::string_view escaped);

  const std::size_t size_;
  std::string_view rest_;
  std::string resolved_; // the texts of the row that had escapes; never more than the block
  At at_ = At::begin;
};

} // namespace weir::log
