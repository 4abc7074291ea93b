// SPDX-License-Identifier: Apache-2.0
//
// Store: what outlives a restart, in small key -> value tables (purges, quotas, ticket keys, ...).
//
// Every change gets a number, higher than all before it, over restarts and crashes too; a later
// change of the same key replaces the row. A change is durable when its `done` is called, and then
// survives kill -9 and power loss. Changes queued together are committed together.
//
// Owner: Server. put(), erase(): any thread. `done` runs on the Store's thread (or on the caller's,
// if the change is refused at once): it must only post to a Mailbox, or note a fact. The destructor
// commits what is queued.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "state/database.h"

namespace weir::state {

class Store {
  struct Private {}; // only open() makes one

public:
  /// Called once for each change, with its number when it is durable, else with why it is not.
  using Done = std::function<void(Result<std::uint64_t>)>;

  /// `on_thread_start` runs first on the writer thread (error log, counters); may be empty.
  /// In a new file numbers begin above `above`: those of a file that was lost must not come again.
  static Result<std::unique_ptr<Store>> open(const std::string& path,
                                             std::function<void()> on_thread_start = {},
                                             std::uint64_t above = 0);
  Store(Private, std::unique_ptr<Database> database, std::uint64_t last_number,
        std::function<void()> on_thread_start);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// The whole of a table in the order of the numbers, as it was last committed. Waits for the
  /// disk: at start, not on a loop.
  Result<std::vector<Row>> read(std::string_view table);
  /// Both return the number of the change; 0 if it was refused (too much is queued). `done` may be
  /// empty.
  std::uint64_t put(std::string table, std::string key, std::string value, Done done);
  /// With `not_after` a row stays that was put again meanwhile, under a higher number.
  std::uint64_t erase(std::string table, std::string key, Done done,
                      std::uint64_t not_after = kAnyNumber);
  /// The highest number given out so far, by any run.
  std::uint64_t last_number() const;

private:
  struct Pending {
    Change change;
    Done done;
  };

  std::uint64_t submit(Change change, Done done);
  void work();
  void commit(std::vector<Pending>& batch);

  const std::function<void()> on_thread_start_;

  std::mutex database_mutex_;
  std::unique_ptr<Database> database_; // guarded by database_mutex_

  mutable std::mutex mutex_;
  std::condition_variable wanted_;
  std::vector<Pending> queue_; // guarded by mutex_
  std::uint64_t last_number_;  // guarded by mutex_
  std::uint64_t reserved_;     // guarded by mutex_
  bool stopping_ = false;      // guarded by mutex_
  std::thread thread_;
};

} // namespace weir::state
