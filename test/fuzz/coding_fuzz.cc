// SPDX-License-Identifier: Apache-2.0
//
// The first octet names a coding and an order. The rest decoded in several splits gives the same
// outcome, within the bounds; encoded and decoded again it is the same.
#include <algorithm>
#include <string>

#include "check.h"
#include "http/coding.h"

using namespace weir;
using namespace weir::http;

namespace {

constexpr CodingLimits kLimits{.free_bytes = 1 << 16, .ratio = 20};

struct Outcome {
  std::string bytes; // of one that failed: nothing; how far it came depends on the splits
  Code error = Code::none;
  bool whole = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(Coding coding, std::string_view in, std::size_t piece, std::size_t room) {
  auto decoder = make_decoder(coding, kLimits);
  std::string out(room, '\0');
  Outcome all;
  std::uint64_t taken = 0;
  while (true) {
    auto step = decoder->decode(in.substr(0, piece), out);
    if (!step) {
      return {{}, step.error().code, false};
    }
    CHECK(step->taken <= in.size() && step->made <= room);
    CHECK(step->taken > 0 || step->made > 0 || in.empty() || step->done);
    taken += step->taken;
    all.bytes.append(out, 0, step->made);
    CHECK(all.bytes.size() <= kLimits.free_bytes + kLimits.ratio * (taken + 1) + room);
    all.whole = step->done;
    in.remove_prefix(step->taken);
    if (in.empty() && step->made < room) {
      return all;
    }
  }
}

std::string encode(Coding coding, std::string_view in, std::size_t piece, std::size_t room) {
  auto encoder = make_encoder(coding, quick_level(coding), {});
  std::string out(room, '\0');
  std::string all;
  bool syncs = false;
  while (true) {
    std::string_view now = in.substr(0, piece);
    in.remove_prefix(now.size());
    Flush flush = in.empty() ? Flush::finish : syncs ? Flush::sync : Flush::none;
    CodingStep step;
    do {
      step = encoder->encode(now, out, flush);
      CHECK(step.taken <= now.size() && step.made <= room);
      all.append(out, 0, step.made);
      now.remove_prefix(step.taken);
    } while (!step.done);
    CHECK(now.empty());
    if (flush == Flush::finish) {
      return all;
    }
    syncs = !syncs;
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  auto coding = static_cast<Coding>(1 + data[0] % 3);
  std::string_view in = text_of(data + 1, size - 1);
  Outcome whole = decode(coding, in, SIZE_MAX, 65'536);
  Outcome split = decode(coding, in, 1 + size / 3, 65'536);
  Outcome octets = decode(coding, in, 1, 4096);
  for (const Outcome& other : {split, octets}) { // a bound is met at other steps
    CHECK(other == whole || other.error == Code::too_large || whole.error == Code::too_large);
  }
  std::string coded = encode(coding, in, 1 + size / 4, 8 + data[0]);
  auto decoder = make_decoder(coding, {.free_bytes = 1 << 30, .ratio = 1});
  std::string out(size + 64, '\0');
  std::string_view left = coded;
  std::string back;
  bool done = false;
  while (!left.empty()) {
    auto step = decoder->decode(left, out);
    CHECK(step.has_value());
    back.append(out, 0, step->made);
    left.remove_prefix(step->taken);
    done = step->done;
  }
  CHECK(done && back == in);
  return 0;
}
