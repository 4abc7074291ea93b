// SPDX-License-Identifier: Apache-2.0
//
// Content codings (RFC 9110 §8.4, §12.5.3): which one a client takes; Encoder and Decoder of gzip,
// br and zstd, a step at a time over the caller's buffers. No I/O and no time of their own.
//
// A Decoder takes hostile bytes: what it makes is bounded by what it has taken (CodingLimits), its
// windows by 8 MiB (zstd, RFC 9659) and 16 MiB (br). Owner: whoever reads the body; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "http/fields.h"

namespace weir::http {

enum class Coding : std::uint8_t { identity, gzip, br, zstd };
constexpr std::size_t kCodings = 4;

/// As in Content-Encoding.
std::string_view name(Coding coding) noexcept;
/// Nothing: one that weir does not know. "x-gzip" is gzip (RFC 9110 §8.4.1.3).
std::optional<Coding> coding_of(std::string_view token) noexcept;
/// Of a response: nothing if there are several, or one that weir does not know.
std::optional<Coding> content_coding(const Fields& response) noexcept;

/// Accept-Encoding of a request, in thousandths; 0: not acceptable. Members that do not parse are
/// passed over.
struct AcceptedCodings {
  std::array<std::uint16_t, kCodings> weights{}; // by Coding

  std::uint16_t weight(Coding coding) const noexcept {
    return weights[static_cast<std::size_t>(coding)];
  }
};
/// Without the field: identity alone, which every client understands.
AcceptedCodings accepted_codings(const Fields& request) noexcept;

/// The best of `offered` (the most wanted first) and identity: the greatest weight; among equals
/// what is offered first, identity last. Identity if nothing is acceptable: better than a 406.
Coding choose_coding(const AcceptedCodings& accepted, std::span<const Coding> offered) noexcept;

/// What a step did.
struct CodingStep {
  std::size_t taken = 0; // of the input
  std::size_t made = 0;  // of the output
  bool done = false;     // encode: all that was asked for; decode: the coded body may end here
};

enum class Flush : std::uint8_t {
  none,   // the encoder may keep bytes back
  sync,   // all that was taken can be decoded from what was made
  finish, // and nothing comes after it
};

class Encoder {
public:
  virtual ~Encoder() = default;
  /// Again with the rest of the same input (no more) and room, until `done`. Not after a finish
  /// that is done.
  /// A sync needs room for 8 octets or more: zlib repeats its marker in less.
  virtual CodingStep encode(std::string_view in, std::span<char> out, Flush flush) = 0;
};

/// Levels as measured: for answers under way, and for what is stored and served often.
int quick_level(Coding coding) noexcept;
int stored_level(Coding coding) noexcept;

/// Null for identity. `size_hint`: of the body, if it is known.
std::unique_ptr<Encoder> make_encoder(Coding coding, int level,
                                      std::optional<std::uint64_t> size_hint);

/// More than `free_bytes + ratio * taken` is a bomb.
struct CodingLimits {
  std::uint64_t free_bytes = 1 << 20;
  std::uint64_t ratio = 200;
};

class Decoder {
public:
  virtual ~Decoder() = default;
  /// Again with the rest of the input, and room, until all is taken and room is left. A body that
  /// ends where the last step was not `done` is truncated.
  /// Errors: malformed; too_large (a bomb, or a window above the bounds).
  virtual Result<CodingStep> decode(std::string_view in, std::span<char> out) = 0;
};

/// Null for identity.
std::unique_ptr<Decoder> make_decoder(Coding coding, const CodingLimits& limits);

} // namespace weir::http
