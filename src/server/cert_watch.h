// SPDX-License-Identifier: Apache-2.0
//
// CertWatch: says in time which certificates end: the metrics always, the error log once a day and
// whenever a generation comes into force. Owner: Server; main thread.
#pragma once

#include "event/deadline.h"
#include "event/loop.h"
#include "server/build.h"

namespace weir::server {

class CertWatch final : public event::Task {
public:
  CertWatch(event::Loop& loop, const Lasting& lasting) : loop_(loop), lasting_(lasting) {}

  /// A generation has come into force.
  void look();
  void run() override;

private:
  void tell(bool loud);

  event::Loop& loop_;
  const Lasting& lasting_;
  event::Deadline next_;
  WallTime told_{};
};

} // namespace weir::server
