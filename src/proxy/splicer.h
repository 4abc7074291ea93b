// SPDX-License-Identifier: Apache-2.0
//
// Splicer: one direction of a tunnel without a copy, while a lot comes and neither side is TLS of
// ours: out of a socket into a Pipe, and from there into the other socket (OutQueue,
// PlainTransport). Owner: who reads that direction. Worker's thread.
#pragma once

#include "base/chunk.h"
#include "base/pipe.h"
#include "net/transport.h"

namespace weir::proxy {

class Splicer {
public:
  /// Whether the next bytes from `from` to `out` are for read(). Not while busy().
  bool wants(net::Transport& from, const OutQueue& out);
  /// Bytes are still in the pipe: what comes next has to wait until they are with the kernel.
  bool is_busy() const noexcept { return pipe_ && pipe_->use_count() > 1; }
  /// At most `room` bytes, put into the queue.
  net::IoResult read(net::Transport& from, OutQueue& out, std::size_t room);
  /// A read into memory: `full`: there was as much as it could take.
  void note_copied(bool full) noexcept { bulk_ = full; }
  void clear();

private:
  static constexpr std::size_t kLittle = 4096; // less is copied sooner

  Ref<Pipe> pipe_; // null: none was needed yet, or to be had
  bool bulk_ = false;
};

} // namespace weir::proxy
