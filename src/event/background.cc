// SPDX-License-Identifier: Apache-2.0
#include "event/background.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace weir::event {

BackgroundPool::BackgroundPool(std::string name, std::size_t threads, std::size_t queue_limit,
                               int nice, std::function<void()> on_thread_start,
                               std::optional<metrics::Metric> refused)
    : name_(std::move(name)), queue_limit_(queue_limit), nice_(nice),
      on_thread_start_(std::move(on_thread_start)), refused_(refused) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, i] { work(i); });
  }
}

BackgroundPool::~BackgroundPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_all();
  for (auto& thread : threads_) {
    thread.join();
  }
}

bool BackgroundPool::submit(Job job) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= queue_limit_) {
      if (refused_ && !stopping_) {
        metrics::count(*refused_);
      }
      return false;
    }
    queue_.push_back(std::move(job));
  }
  wanted_.notify_one();
  return true;
}

std::size_t BackgroundPool::queued() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

bool BackgroundPool::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void BackgroundPool::work(std::size_t index) {
  auto label = name_ + std::to_string(index);
  ::pthread_setname_np(::pthread_self(), label.substr(0, 15).c_str());
  if (nice_ != 0) {
    // Linux: the priority of this thread alone, below that of whoever made the pool. As a number of
    // its own it would never have its turn beside workers of a weir that was given a high one.
    auto self = static_cast<id_t>(::gettid());
    ::setpriority(PRIO_PROCESS, self, ::getpriority(PRIO_PROCESS, self) + nice_);
  }
  if (on_thread_start_) {
    on_thread_start_();
  }
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wanted_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) {
        return;
      }
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

} // namespace weir::event
