// SPDX-License-Identifier: Apache-2.0
//
// Ref<T>: an intrusive counted reference.  Shared: atomic count, for things that cross threads
// (Chunk, Entry, Fill, compiled lists).  Local: plain count, for things of one worker.
//
// Only immutable values, or resources with a written contract, are counted (STYLE 4.5). The count
// starts at 0; Ref<T>(raw) takes the first. The last Ref calls dispose(), on the thread where it
// dies.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir {

class Shared {
public:
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  void retain() const noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      dispose();
    }
  }
  /// Only a hint: another thread may change it at once. Exact when it is 1 and the caller holds it.
  std::uint32_t use_count() const noexcept { return count_.load(std::memory_order_acquire); }
  /// Bytes of memory that live as long as this does; 0: not known.
  virtual std::size_t footprint() const noexcept { return 0; }

protected:
  Shared() = default;
  virtual ~Shared() = default;
  virtual void dispose() const noexcept { delete this; }

private:
  mutable std::atomic<std::uint32_t> count_{0};
};

class Local {
public:
  Local(const Local&) = delete;
  Local& operator=(const Local&) = delete;

  void retain() const noexcept { ++count_; }
  void release() const noexcept {
    if (--count_ == 0) {
      dispose();
    }
  }
  std::uint32_t use_count() const noexcept { return count_; }

protected:
  Local() = default;
  virtual ~Local() = default;
  virtual void dispose() const noexcept { delete this; }

private:
  mutable std::uint32_t count_ = 0;
};

template <class T> class Ref {
public:
  Ref() = default;
  Ref(std::nullptr_t) noexcept {} // NOLINT(google-explicit-constructor): as for std::unique_ptr
  explicit Ref(T* raw) noexcept : raw_(raw) {
    if (raw_ != nullptr) {
      raw_->retain();
    }
  }
  Ref(const Ref& other) noexcept : Ref(other.raw_) {}
  Ref(Ref&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): as unique_ptr
  requires(std::is_convertible_v<U*, T*>) Ref(Ref<U> other)
  noexcept : raw_(other.detach()) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Ref() {
    if (raw_ != nullptr) {
      raw_->release();
    }
  }

  T* get() const noexcept { return raw_; }
  T* operator->() const noexcept { return raw_; }
  T& operator*() const noexcept { return *raw_; }
  explicit operator bool() const noexcept { return raw_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.raw_ == b.raw_; }

  /// Gives the counted pointer away without touching the count.
  T* detach() noexcept { return std::exchange(raw_, nullptr); }
  /// Takes over a pointer from detach() without touching the count.
  static Ref adopt(T* raw) noexcept {
    Ref ref;
    ref.raw_ = raw;
    return ref;
  }

private:
  T* raw_ = nullptr;
};

template <class T, class... Args> Ref<T> make_ref(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

} // namespace weir
