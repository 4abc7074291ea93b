// SPDX-License-Identifier: Apache-2.0
//
// CodedBody: the body of an answer on its way through an encoder or a decoder: pulled as the
// session pulls, never more than one chunk ahead. It codes a bounded number of bytes a turn of the
// worker. When its source has nothing for longer than a turn it flushes, so that what a slow
// origin has sent reaches the client.
//
// Owner: an Exchange. CodingTurns: one a worker, in Resources. Worker's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/chunk.h"
#include "event/loop.h"
#include "http/coding.h"
#include "proxy/compress.h"

namespace weir::proxy {

/// What the bodies of a worker share: its time, and the memory of their coders (up to 2 MB each).
class CodingTurns {
public:
  static constexpr std::size_t kMostBytes = 256 * 1024; // a turn
  static constexpr std::size_t kMostBodies = 128;

  explicit CodingTurns(const event::Loop& loop) : loop_(loop) {}
  bool full() const noexcept { return bodies_ >= kMostBodies; }
  std::uint64_t now() const noexcept { return loop_.turns(); }
  /// Bytes that may still be coded in this turn.
  std::size_t left() noexcept;
  void spend(std::size_t bytes) noexcept { left_ -= bytes < left_ ? bytes : left_; }

private:
  friend class CodedBody;
  const event::Loop& loop_;
  std::uint64_t turn_ = 0;
  std::size_t left_ = kMostBytes;
  std::size_t bodies_ = 0;
};

class CodedBody {
public:
  static constexpr std::size_t kMostBytes = 64 * 1024; // a turn

  /// `length`: of the source, if it is known. `plan` changes something.
  CodedBody(CodingTurns& turns, const CodingPlan& plan, std::optional<std::uint64_t> length);
  ~CodedBody();
  CodedBody(const CodedBody&) = delete;
  CodedBody& operator=(const CodedBody&) = delete;

  /// As Source::pull; `source` is called as `Pull (OutQueue&, std::size_t room)`. After `blocked`
  /// ask wants_turn().
  template <class Source> Pull pull(OutQueue& out, std::size_t room, Source&& source) {
    wants_turn_ = false;
    while (true) {
      if (wants_input()) {
        feed(source(input_, kMostBytes));
      }
      if (auto got = work(out, room)) {
        return *got;
      }
    }
  }
  /// It goes on in the next turn: whoever pulls wakes itself for it.
  bool wants_turn() const noexcept { return wants_turn_; }
  /// After Pull::failed: what was wrong with the coded bytes. Code none: the source has failed.
  Code error() const noexcept { return error_; }

private:
  bool wants_input() const noexcept {
    return input_.empty() && current_.empty() && (fed_ == Pull::more || fed_ == Pull::blocked);
  }
  void feed(Pull got);
  std::optional<Pull> work(OutQueue& out, std::size_t& room);
  void give(OutQueue& out, std::size_t& room);
  std::optional<Pull> at_pause();
  std::size_t budget() noexcept;
  std::span<char> space();
  void note(const http::CodingStep& step, bool input);
  void encode();
  bool decode();
  Pull fail(Code code);
  Pull next_turn() {
    wants_turn_ = true;
    return Pull::blocked;
  }

  CodingTurns& turns_;
  const std::unique_ptr<http::Encoder> encoder_; // one of the two
  const std::unique_ptr<http::Decoder> decoder_;
  OutQueue input_;                        // from the source
  Slice current_;                         // taken from it
  Pull fed_ = Pull::more;                 // what the source said last
  Ref<Chunk> chunk_;                      // what is coded goes there
  std::size_t begin_ = 0;                 // of what is not handed out yet
  std::size_t end_ = 0;                   // of what is coded
  http::Flush flush_ = http::Flush::none; // under way
  bool pending_ = false;                  // the coder has work to do without input
  bool held_ = false;                     // the encoder may keep bytes back
  bool may_end_ = true;                   // the decoder's source may end here
  bool over_ = false;                     // all is coded
  bool paused_ = false;                   // the source has had nothing since pause_turn_
  bool wants_turn_ = false;
  std::uint64_t pause_turn_ = 0;
  std::uint64_t turn_ = 0; // that left_ is of
  std::size_t left_ = kMostBytes;
  Code error_ = Code::none;
  std::uint64_t taken_ = 0;
  std::uint64_t made_ = 0;
};

} // namespace weir::proxy
