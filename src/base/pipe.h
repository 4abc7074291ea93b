// SPDX-License-Identifier: Apache-2.0
//
// Pipe: a pipe of the kernel, through which bytes go from one socket to another without a copy
// (splice(2)). Who fills it has a Ref, and each OutQueue slot of bytes that are in it: with one Ref
// it is empty. One worker's.
#pragma once

#include "base/ref.h"

namespace weir {

class Pipe final : public Shared {
public:
  /// Two descriptors each, and what the kernel lends all pipes of a user is bounded.
  static constexpr int kMost = 128;
  static constexpr int kCapacity = 256 * 1024;

  /// Null: the process has kMost, or the system refuses.
  static Ref<Pipe> make();
  ~Pipe() override;

  int to_read() const noexcept { return ends_[0]; }
  int to_write() const noexcept { return ends_[1]; }

private:
  Pipe() = default;
  int ends_[2] = {-1, -1};
};

} // namespace weir
