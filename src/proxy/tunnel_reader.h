// SPDX-License-Identifier: Apache-2.0
//
// TunnelReader: what comes on one connection of a tunnel, put into the queue of the other: by
// chunks, and without a copy while a lot comes and neither side is TLS of ours: through a Pipe
// (OutQueue, PlainTransport). Owner: who reads that direction. Worker's thread.
#pragma once

#include <cstdint>

#include "base/chunk.h"
#include "base/pipe.h"
#include "net/transport.h"

namespace weir::proxy {

class TunnelReader {
public:
  /// Bytes are still in the pipe: what comes next has to wait until they are with the kernel.
  bool is_busy() const noexcept { return pipe_ && pipe_->use_count() > 1; }
  /// At most `room` bytes from `from` to `out`, which has a slot. Not while busy.
  net::IoResult read(net::Transport& from, OutQueue& out, std::size_t room);
  /// For another tunnel.
  void clear();

private:
  bool may_splice(net::Transport& from, const OutQueue& out);
  net::IoResult splice(net::PlainTransport& from, OutQueue& out, std::size_t room);

  static constexpr std::size_t kLittle = 4096; // less is copied sooner

  Ref<Chunk> chunk_;
  Ref<Pipe> pipe_; // null: none was needed yet, or to be had
  std::uint64_t bytes_ = 0;
  bool bulk_ = false; // the last read was of a lot
};

} // namespace weir::proxy
