// SPDX-License-Identifier: Apache-2.0
//
// Step: where an Exchange stands (DESIGN §6.1).  Next: what one step says to its loop.
#pragma once

#include <cstdint>

namespace weir::proxy {

enum class Step : std::uint8_t {
  admit,   // method, target, route, rules
  lookup,  // one question to the Directory, and to the disk
  join,    // waits until a Fill has a head, or failed
  pass,    // an own Fetch, of what nobody waits for
  tunnel,  // an own RawFetch (CONNECT)
  respond, // the head goes out
  stream,  // the session pulls the body
  fail,    // an Error becomes an answer, or a visible cut
  finish,  // the record is written; nothing is held any more
};
enum class Next : std::uint8_t { again, wait, done };

/// What a pass is looked at for once its head is there: whether it may be stored after all.
enum class Look : std::uint8_t {
  none,
  marked, // its key is marked hit-for-miss
  part,   // it is for one range
  post,   // what it says may be what a GET would get
};

} // namespace weir::proxy
