// SPDX-License-Identifier: Apache-2.0
//
// What the daemon (or weirctl itself) answered, for people. Pure; members that are not there print
// as nothing, so that an older or newer daemon does no harm.
#pragma once

#include <string>

#include "ctl/command.h"
#include "ctl/text.h"

namespace weir::ctl {

/// An answer that is not a failure, and the part of a failure that says more than its error.
std::string print_body(const admin::Verb& verb, const Json& body, const Style& style);
/// One record of `tail`.
std::string print_record(const Json& record, const Style& style);

// print_status.cc
std::string print_status(const Json& body, const Style& style);
std::string print_caches(const Json& body, const Style& style);
// print_stored.cc
std::string print_listing(const Json& body, const Style& style);
std::string print_lookup(const Json& body, const Style& style);
/// What it has come to, and below it what failed.
std::string print_warm(const Json& body, const Style& style);
std::string print_verified(const Json& body, const Style& style);
// print_limits.cc
/// `limit` and this verb.
std::string print_limits(std::string_view verb, const Json& body, const Style& style);
// print_users.cc
/// `user` and this verb.
std::string print_users(std::string_view verb, const Json& body, const Style& style);
// print_explain.cc
std::string print_explain(const Json& body, const Style& style);

// Members of an object, whatever it is.
std::string text_at(const Json& object, const char* name);
double number_at(const Json& object, const char* name);
bool flag_at(const Json& object, const char* name);
/// An array; empty if there is none.
const Json& array_at(const Json& object, const char* name);

} // namespace weir::ctl
