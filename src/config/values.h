// SPDX-License-Identifier: Apache-2.0
//
// Words → the values of declarations: hosts, paths, ports, addresses, times. Pure. Each answers ""
// when it has read the word, else what is wrong with it. Internal to config/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace weir::config {

std::string read_host_pattern(std::string_view text, HostPattern& out);
/// A path or a glob; an expression comes to read_regex() instead.
std::string read_path_pattern(std::string_view text, PathPattern& out);
/// Whether RE2 takes it.
std::string check_regex(std::string_view expression);
std::string read_port(std::string_view text, std::uint16_t& out);
/// 443 or 8000-8099.
std::string read_ports(std::string_view text, PortRange& out);
/// A CIDR block or one address.
std::string read_prefix(std::string_view text, Prefix& out);
/// 127.0.0.1:80, [::1]:80. Port 0 lets the kernel choose (tests).
std::string read_listen_address(std::string_view text, Address& out);
/// HOST:PORT, the host a name or an address.
std::string read_server(std::string_view text, ServerDecl& out);
/// A resolver: an address, port 53 unless it has one.
std::string read_resolver(std::string_view text, Address& out);
/// mon-fri, sat,sun: bit 0 is Monday.
std::string read_days(std::string_view text, std::uint8_t& out);
/// 08:00-18:00.
std::string read_times(std::string_view text, TimeSlot& out);
std::string check_zone(std::string_view zone, bool outside);
std::string check_url(std::string_view text);
std::string read_status(std::string_view text, unsigned least, unsigned most, std::uint16_t& out);
/// 404, 5xx, 500-504; false: none of these.
bool read_statuses(std::string_view text, std::uint16_t& first, std::uint16_t& last);

/// As they would be written.
std::string write_host(const HostPattern& host);
std::string write_ports(const PortRange& range);
std::string write_slot(const TimeSlot& slot);
std::string write_ignored(std::uint16_t ignored);
std::string write_check(const CheckDecl& check);
std::string write_limit_key(const LimitDecl& limit);
std::string write_limit_rate(const LimitDecl& limit);
std::string write_limit_bandwidth(const LimitDecl& limit);
std::string write_limit_quota(const LimitDecl& limit);

} // namespace weir::config
