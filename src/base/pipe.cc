// SPDX-License-Identifier: Apache-2.0
#include "base/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>

namespace weir {

namespace {
std::atomic<int> pipes{0};
} // namespace

Ref<Pipe> Pipe::make() {
  Ref<Pipe> made(new Pipe);
  if (pipes.fetch_add(1, std::memory_order_relaxed) >= kMost ||
      ::pipe2(made->ends_, O_NONBLOCK | O_CLOEXEC) != 0) {
    return {};
  }
  ::fcntl(made->ends_[1], F_SETPIPE_SZ, kCapacity); // smaller will do
  return made;
}

Pipe::~Pipe() {
  pipes.fetch_sub(1, std::memory_order_relaxed);
  for (int end : ends_) {
    if (end >= 0) {
      ::close(end);
    }
  }
}

} // namespace weir
