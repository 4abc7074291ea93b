// SPDX-License-Identifier: Apache-2.0
//
// TestClock: `weir --test-clock SOCKET`: a datagram "advance SECONDS" moves the clock of the whole
// process; "ok" is answered when every loop has seen it. Compiled in with --enable-test-hooks only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "event/watch.h"
#include "net/socket.h"

namespace weir::server {

class TestClock final : public event::Task {
public:
  /// `spread`: makes every other loop turn, then calls back on this one.
  using Spread = std::function<void(std::function<void()>)>;
  static Result<std::unique_ptr<TestClock>> open(event::Loop& loop, const std::string& path,
                                                 Spread spread);
  TestClock(event::Loop& loop, net::Fd fd, std::string path, Spread spread);
  ~TestClock() override;
  void run() override;

private:
  net::Fd fd_;
  const std::string path_;
  const Spread spread_;
  event::LevelWatch watch_;
};

} // namespace weir::server
