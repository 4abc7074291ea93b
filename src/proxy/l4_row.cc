// SPDX-License-Identifier: Apache-2.0
#include "proxy/l4_row.h"

#include "proxy/resources.h"

namespace weir::proxy {

log::AccessRecord l4_row(Resources& resources, const Generation& generation,
                         const rules::Route* route, const Address& client, MonoTime started) {
  log::AccessRecord record;
  record.id = resources.ids.next(Clock::wall());
  Duration took = Clock::mono() - started;
  record.set_time(Clock::wall() - took);
  record.kind = "l4";
  record.client = client;
  record.duration = took.count();
  record.generation = static_cast<std::int64_t>(generation.number);
  record.worker = resources.worker_number;
  if (route != nullptr) {
    record.place = route->place;
  }
  return record;
}

} // namespace weir::proxy
