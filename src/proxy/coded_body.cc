// SPDX-License-Identifier: Apache-2.0
#include "proxy/coded_body.h"

#include <algorithm>

#include "metrics/metrics.h"

namespace weir::proxy {

using http::Flush;
using metrics::Metric;

namespace {

constexpr std::size_t kLeastSpace = 64; // of a chunk: a flush needs 8 octets

std::unique_ptr<http::Encoder> encoder_of(const CodingPlan& plan,
                                          std::optional<std::uint64_t> length) {
  return plan.body == CodingPlan::Body::encode
             ? http::make_encoder(plan.coding, http::quick_level(plan.coding), length)
             : nullptr;
}
std::unique_ptr<http::Decoder> decoder_of(const CodingPlan& plan) {
  return plan.body == CodingPlan::Body::decode ? http::make_decoder(plan.coding, {}) : nullptr;
}

} // namespace

std::size_t CodingTurns::left() noexcept {
  if (turn_ != now()) {
    turn_ = now();
    left_ = kMostBytes;
  }
  return left_;
}

CodedBody::CodedBody(CodingTurns& turns, const CodingPlan& plan,
                     std::optional<std::uint64_t> length)
    : turns_(turns), encoder_(encoder_of(plan, length)), decoder_(decoder_of(plan)) {
  ++turns_.bodies_;
}

CodedBody::~CodedBody() {
  --turns_.bodies_;
  if (encoder_) {
    metrics::count(Metric::compress_bytes_in, taken_);
    metrics::count(Metric::compress_bytes_out, made_);
  } else {
    metrics::count(Metric::decompress_bytes_in, taken_);
    metrics::count(Metric::decompress_bytes_out, made_);
  }
}

void CodedBody::feed(Pull got) {
  fed_ = got;
  if (!input_.empty()) {
    paused_ = false;
  } else if (got == Pull::more) { // nothing came, and nobody wakes us for it
    fed_ = Pull::blocked;
    wants_turn_ = true;
  }
}

/// Nothing: it takes input. `room` is what is left of it.
std::optional<Pull> CodedBody::work(OutQueue& out, std::size_t& room) {
  while (true) {
    give(out, room);
    if (begin_ < end_) {
      return Pull::more; // no room
    }
    if (over_) {
      return Pull::end;
    }
    if (current_.empty() && !input_.empty()) {
      current_ = input_.pop();
    }
    if (current_.empty() && !pending_) {
      if (fed_ == Pull::more) {
        return {};
      }
      if (auto got = at_pause()) {
        return got;
      }
    }
    if (budget() == 0) {
      return next_turn();
    }
    if (encoder_) {
      encode();
    } else if (!decode()) {
      return Pull::failed;
    }
  }
}

/// What is ready goes out.
void CodedBody::give(OutQueue& out, std::size_t& room) {
  std::size_t n = std::min(room, end_ - begin_);
  if (n > 0 && out.slots_free() > 0) {
    out.push(Slice({chunk_->data() + begin_, n}, chunk_));
    begin_ += n;
    room -= n;
  }
}

/// All that came is coded, and no more is there. Nothing: the coder has work to do.
std::optional<Pull> CodedBody::at_pause() {
  if (fed_ == Pull::failed) {
    return Pull::failed;
  }
  if (fed_ == Pull::end) {
    if (decoder_) {
      over_ = may_end_;
      return over_ ? Pull::end : fail(Code::bad_coding);
    }
    flush_ = Flush::finish;
    pending_ = true;
    return {};
  }
  if (!held_) {
    return Pull::blocked;
  }
  if (!paused_) { // perhaps the next piece is about to come: a flush costs bytes and time
    paused_ = true;
    pause_turn_ = turns_.now();
  }
  if (pause_turn_ == turns_.now()) {
    return next_turn();
  }
  flush_ = Flush::sync;
  pending_ = true;
  return {};
}

std::size_t CodedBody::budget() noexcept {
  if (turn_ != turns_.now()) {
    turn_ = turns_.now();
    left_ = kMostBytes;
  }
  return std::min(left_, turns_.left());
}

std::span<char> CodedBody::space() {
  if (!chunk_ || chunk_->capacity() - end_ < kLeastSpace) {
    chunk_ = Chunk::small();
    begin_ = end_ = 0;
  }
  return {chunk_->data() + end_, chunk_->capacity() - end_};
}

/// What a step did. `input`: it took from what came.
void CodedBody::note(const http::CodingStep& step, bool input) {
  std::size_t cost = std::max(step.taken, step.made);
  left_ -= std::min(left_, cost);
  turns_.spend(cost);
  taken_ += step.taken;
  made_ += step.made;
  end_ += step.made;
  if (input) {
    current_.take_front(step.taken);
    if (current_.empty()) {
      current_ = {};
    }
  }
}

void CodedBody::encode() {
  bool input = flush_ == Flush::none;
  std::string_view in = input ? current_.view().substr(0, budget()) : std::string_view();
  http::CodingStep step = encoder_->encode(in, space(), flush_);
  note(step, input);
  if (input) {
    held_ = true;
  } else if (step.done) {
    over_ = flush_ == Flush::finish;
    held_ = pending_ = false;
    flush_ = Flush::none;
  }
}

bool CodedBody::decode() {
  std::span<char> to = space();
  auto step = decoder_->decode(current_.view().substr(0, budget()), to);
  if (!step) {
    fail(Code::bad_coding);
    return false;
  }
  note(*step, true);
  pending_ = step->made == to.size(); // there may be more behind it
  may_end_ = step->done && !pending_;
  return true;
}

Pull CodedBody::fail(Code code) {
  error_ = code;
  return Pull::failed;
}

} // namespace weir::proxy
