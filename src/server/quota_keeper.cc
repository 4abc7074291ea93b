// SPDX-License-Identifier: Apache-2.0
#include "server/quota_keeper.h"

#include "base/errlog.h"

namespace weir::server {

namespace {
constexpr const char* kTable = "quotas";
} // namespace

QuotaKeeper::QuotaKeeper(event::Loop& loop, rules::Meters& meters, state::Store* store)
    : loop_(loop), meters_(meters), store_(store) {
  restore();
  step_.arm(loop_, kStep, *this);
}

void QuotaKeeper::restore() {
  if (store_ == nullptr) {
    return;
  }
  auto rows = store_->read(kTable);
  if (!rows) {
    log_error("state: quotas cannot be read, they begin anew: {}", to_string(rows.error()));
    return;
  }
  for (const state::Row& row : *rows) {
    if (!meters_.restore({row.key, row.value}, Clock::wall())) {
      store_->erase(kTable, row.key, {});
    }
  }
}

void QuotaKeeper::run() {
  if (step_.passed()) {
    save();
    step_.arm(loop_, kStep, *this);
  }
}

/// A row that the store refuses is counted there, and written at the key's next change.
void QuotaKeeper::save() {
  for (rules::QuotaRow& row : meters_.take_changed(Clock::mono(), Clock::wall())) {
    if (store_ == nullptr) {
      continue;
    }
    if (row.value.empty()) {
      store_->erase(kTable, std::move(row.key), {});
    } else {
      store_->put(kTable, std::move(row.key), std::move(row.value), {});
    }
  }
}

} // namespace weir::server
