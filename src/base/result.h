// SPDX-License-Identifier: Apache-2.0
//
// Error and Result<T>: how everything in weir that can fail says so.
//
// An Error is an 8-byte value; making one allocates nothing. What follows from it (log level,
// status of the answer, retry, metric) is derived in one place, proxy/reply.cc.
// Result<T> is [[nodiscard]]: an ignored failure is a warning. Nothing in src/ throws; exceptions
// of libraries are caught in the file that includes the library.
//
//   if (auto r = f(); !r) return fail(r.error());
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace weir {

/// What went wrong. One line of meaning each; the names appear in logs and in the column `end`.
enum class Code : std::uint16_t {
  none,            // no error (only as the initial value of a record)
  malformed,       // bytes that do not parse (a head, a chunk, a record on disk)
  unsupported,     // well formed, and not something weir does
  too_large,       // over a configured limit: body
  target_too_long, // request target over its limit (414)
  head_too_large,  // head, one field or number of fields over its limit (431)
  bad_version,     // HTTP major version other than 1 (505)
  unknown_coding,  // transfer coding other than chunked in a request (501)
  bad_coding,      // a content coding that does not decode, or would grow beyond measure
  timeout,         // a deadline passed
  refused,         // connection refused
  tls_failed,      // TLS is not agreed on, or a certificate is not believed
  unreachable,     // no route, network down, all addresses failed
  closed,          // the other side closed where it must not
  reset,           // connection reset
  dns_failed,      // name does not resolve, or resolvers do not answer
  denied,          // a rule or the egress guard says no
  sni_mismatch,    // the TLS in a tunnel names another host than CONNECT
  quota,           // what a limit gives in its time is used up
  loop,            // the request has passed through this weir already
  no_server,       // pool without a usable server
  no_slot,         // every slot of a server stayed in use until the deadline
  not_found,       // nothing there (file, key, row)
  exists,          // there already
  io,              // the system said no to a file operation
  corrupt,         // checksum or structure of stored bytes is wrong
  full,            // a bounded queue or a disk is full
  stopped,         // weir is stopping
  abandoned,       // whoever asked has gone
  overloaded,      // descriptors or memory used up
  internal,        // a bug that was noticed
};

/// Whose fault or whose bytes.
enum class Side : std::uint8_t { self, client, origin, cache };

/// Whether the same thing may be tried again (WIRE_RULES W6.11).
enum class Retry : std::uint8_t { no, yes, if_reused };

struct Error {
  Code code = Code::none;
  Side side = Side::self;
  Retry retry = Retry::no;
  std::int32_t sys = 0; // errno, or 0

  friend bool operator==(const Error&, const Error&) = default;
};
static_assert(sizeof(Error) == 8);

/// The name of a code, a side: static text for logs.
std::string_view name(Code code) noexcept;
std::string_view name(Side side) noexcept;
/// "origin: refused (Connection refused)": for the error log.
std::string to_string(const Error& error);

template <class T> class [[nodiscard]] Result : public tl::expected<T, Error> {
public:
  using tl::expected<T, Error>::expected;
};

/// The failing value: `return fail(Code::malformed, Side::client);`
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(error); }
inline tl::unexpected<Error> fail(Code code, Side side = Side::self, std::int32_t sys = 0,
                                  Retry retry = Retry::no) {
  return tl::unexpected<Error>(Error{code, side, retry, sys});
}

/// A broken invariant: writes `what` and ends the process (abort). Never for bytes from outside.
[[noreturn]] void panic(std::string_view what) noexcept;

} // namespace weir
