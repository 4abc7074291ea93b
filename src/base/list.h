// SPDX-License-Identifier: Apache-2.0
//
// An intrusive doubly linked list. A node is in at most one list of its Tag; its destructor unlinks
// it. Not thread-safe: list and nodes belong to one thread, or to whoever holds the lock around
// them.
#pragma once

#include <cstddef>

namespace weir {

struct DefaultTag {};

template <class Tag = DefaultTag> class ListNode {
public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (next_ != nullptr) {
      next_->prev_ = prev_;
      prev_->next_ = next_;
      next_ = prev_ = nullptr;
    }
  }

private:
  template <class T, class U> friend class List;
  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

/// T derives from ListNode<Tag>.
template <class T, class Tag = DefaultTag> class List {
  using Node = ListNode<Tag>;

public:
  List() { head_.next_ = head_.prev_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (!empty()) {
      pop_front();
    }
    head_.next_ = head_.prev_ = nullptr;
  }

  bool empty() const noexcept { return head_.next_ == &head_; }
  T* front() noexcept { return empty() ? nullptr : cast(head_.next_); }
  void push_back(T& item) noexcept { insert(head_.prev_, item); }
  void push_front(T& item) noexcept { insert(&head_, item); }
  T* pop_front() noexcept {
    T* item = front();
    if (item != nullptr) {
      static_cast<Node*>(item)->unlink();
    }
    return item;
  }
  /// The one after `item`, or nullptr at the end.
  T* next(T& item) noexcept {
    Node* node = static_cast<Node&>(item).next_;
    return node == &head_ || node == nullptr ? nullptr : cast(node);
  }
  /// The one before `item`, or nullptr at the front.
  T* previous(T& item) noexcept {
    Node* node = static_cast<Node&>(item).prev_;
    return node == &head_ || node == nullptr ? nullptr : cast(node);
  }
  T* back() noexcept { return empty() ? nullptr : cast(head_.prev_); }
  /// Moves all of `other` to the end of this list, in order.
  void splice_back(List& other) noexcept {
    while (T* item = other.pop_front()) {
      push_back(*item);
    }
  }
  std::size_t count() const noexcept {
    std::size_t n = 0;
    for (Node* node = head_.next_; node != &head_; node = node->next_) {
      ++n;
    }
    return n;
  }

private:
  static T* cast(Node* node) noexcept { return static_cast<T*>(node); }
  void insert(Node* after, T& item) noexcept {
    Node& node = item;
    node.unlink();
    node.prev_ = after;
    node.next_ = after->next_;
    after->next_->prev_ = &node;
    after->next_ = &node;
  }
  Node head_;
};

} // namespace weir
