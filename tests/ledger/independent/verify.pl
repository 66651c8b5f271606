#!/usr/bin/perl
# An independent verifier of a transparency log, from the public specifications alone:
# C2SP tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature, tlog-proof, and
# RFC 6962, section 2.1. It shares no line and no library with Holdfast: Perl's own
# SHA-256, and openssl for Ed25519.
#
#   verify.pl log FOLDER --key VKEY [--witness VKEY]... [--quorum N]
#   verify.pl proof FILE --entry FILE --key VKEY [--witness VKEY]... [--quorum N]
#
# Prints one line and exits with 0 if all is right; else says on standard error what is
# not, and exits with 1. In a log it checks every file that lies under tile/ and
# checkpoints/, also those that no rule demands.
use strict;
use warnings;
use Digest::SHA qw(sha256);
use File::Find qw(find);
use File::Temp qw(tempdir);
use MIME::Base64 qw(encode_base64 decode_base64);

my $WIDTH = 256;
my $DASH  = "\xe2\x80\x94";
my $WORK  = tempdir(CLEANUP => 1);

my ($command, $target, %option) = arguments(@ARGV);
my @keys = map { verifier_key($_, 1) } @{ $option{key} || [] };
my @witnesses = map { verifier_key($_, 4) } @{ $option{witness} || [] };
my $quorum = defined $option{quorum} ? $option{quorum}[-1] : scalar @witnesses;
refuse("give the log's key: --key") unless @keys;
if    ($command eq 'log')   { verify_log($target) }
elsif ($command eq 'proof') { verify_proof($target) }
else                        { refuse("log or proof, not $command") }
exit 0;

# A whole log.

sub verify_log {
    my ($folder) = @_;
    my $head = checkpoint(contents("$folder/checkpoint"), 'checkpoint');
    my $size = $head->{size};
    my ($leaves, $bundles) = entries($folder, $size);
    my @rows = rows($leaves);
    my $tiles = 0;
    for my $level (0 .. $#rows) {
        my $count = length($rows[$level]) / 32;
        for (my $n = 0 ; $n * $WIDTH < $count ; $n++) {
            my $width = least($WIDTH, $count - $n * $WIDTH);
            my $path = path($level, $n, $width);
            my $data = contents("$folder/$path");
            same($data, substr($rows[$level], $n * $WIDTH * 32, $width * 32), $path);
            $tiles++;
        }
    }
    $tiles += other_files($folder, \@rows, $bundles, $size);
    my %wanted = ($size => [ $head->{root}, 'checkpoint' ]);
    my @anchors = anchors($folder, $head, \%wanted);
    roots($leaves, \%wanted);
    printf "%s: %d entries, %d tiles, %d checkpoints, %d cosignatures: all right\n",
      $head->{origin}, $size, $tiles, 1 + @anchors, $head->{cosigned};
}

# Reads all bundles; returns the leaf hashes joined, and each bundle's bytes.
sub entries {
    my ($folder, $size) = @_;
    my ($leaves, @bundles) = ('');
    for (my $n = 0 ; $n * $WIDTH < $size ; $n++) {
        my $width = least($WIDTH, $size - $n * $WIDTH);
        my $path = path('entries', $n, $width);
        my $data = contents("$folder/$path");
        my ($at, $count) = (0, 0);
        while ($at < length $data) {
            refuse("$path: a length is cut off") if $at + 2 > length $data;
            my $length = unpack 'n', substr $data, $at, 2;
            refuse("$path: an entry is cut off") if $at + 2 + $length > length $data;
            $leaves .= sha256("\x00" . substr $data, $at + 2, $length);
            $at += 2 + $length;
            $count++;
        }
        refuse("$path: $count entries, not $width") if $count != $width;
        push @bundles, $data;
    }
    return ($leaves, \@bundles);
}

# Row 0 are the leaf hashes; a row above has the root of each full tile of the one below.
sub rows {
    my ($row) = @_;
    my @rows;
    while (length $row) {
        push @rows, $row;
        my $above = '';
        for (my $at = 0 ; $at + $WIDTH * 32 <= length $row ; $at += $WIDTH * 32) {
            $above .= tree_root(substr $row, $at, $WIDTH * 32);
        }
        $row = $above;
    }
    return @rows;
}

# Partial tiles and bundles of earlier sizes may lie there: each must be a beginning of
# the full one. Nothing else may lie there.
sub other_files {
    my ($folder, $rows, $bundles, $size) = @_;
    my $checked = 0;
    return 0 unless -d "$folder/tile";
    find({ no_chdir => 1, wanted => sub {
        return unless -f $_;
        my $path = substr $_, length("$folder/");
        $path =~ m{^tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})
                   (?:\.p/([1-9][0-9]{0,2}))?$}x
          or refuse("$path: no path of a tile");
        my ($level, $digits, $width) = ($1, $2, defined $3 ? $3 : $WIDTH);
        (my $n = $digits) =~ tr/0-9//cd;
        $n += 0;
        refuse("$path: no path of a tile") if path($level, $n, $width) ne $path;
        my $row = $level eq 'entries' ? 0 : $level;
        my $count = $row <= $#$rows ? length($rows->[$row]) / 32 : 0;
        refuse("$path: beyond the end of the log") if $n * $WIDTH + $width > $count;
        my $wanted = $level eq 'entries'
          ? beginning($bundles->[$n], $width)
          : substr $rows->[$level], $n * $WIDTH * 32, $width * 32;
        same(contents($_), $wanted, $path);
        $checked++ if defined $3;
    } }, "$folder/tile");
    return $checked;
}

# The first entries of a bundle that was found well-formed.
sub beginning {
    my ($bundle, $count) = @_;
    my $at = 0;
    $at += 2 + unpack 'n', substr $bundle, $at, 2 for 1 .. $count;
    return substr $bundle, 0, $at;
}

# Older signed checkpoints: the log must have had their roots at their sizes.
sub anchors {
    my ($folder, $head, $wanted) = @_;
    my @found;
    for my $file (sort glob("$folder/checkpoints/*")) {
        my ($name) = $file =~ m{([^/]*)$};
        my $old = checkpoint(contents($file), "checkpoints/$name", 0);
        refuse("checkpoints/$name: it is of size $old->{size}") if $old->{size} ne $name;
        refuse("checkpoints/$name: it is of $old->{origin}")
          if $old->{origin} ne $head->{origin};
        refuse("checkpoints/$name: the log shows only $head->{size} entries")
          if $old->{size} > $head->{size};
        if ($wanted->{$name}) {
            refuse("checkpoints/$name: two roots of one size")
              if $wanted->{$name}[0] ne $old->{root};
            next;
        }
        $wanted->{$name} = [ $old->{root}, "checkpoints/$name" ];
        push @found, $name;
    }
    return @found;
}

# Grows the tree leaf by leaf, and compares its root at each wanted size.
sub roots {
    my ($leaves, $wanted) = @_;
    my (@stack, $size);
    for ($size = 0 ; ; $size++) {
        if (my $want = $wanted->{$size}) {
            my ($root, @rest) = @stack ? reverse @stack : sha256('');
            $root = node($_, $root) for @rest;
            refuse("$want->[1]: the root is another one") if $root ne $want->[0];
        }
        last if $size * 32 >= length $leaves;
        push @stack, substr $leaves, $size * 32, 32;
        for (my $rest = $size + 1 ; $rest % 2 == 0 ; $rest /= 2) {
            my $right = pop @stack;
            push @stack, node(pop @stack, $right);
        }
    }
    refuse("a checkpoint is larger than the log") if grep { $_ > $size } keys %$wanted;
}

# One entry.

sub verify_proof {
    my ($file) = @_;
    my $data = contents($file);
    my ($head, $note) = $data =~ /^(.*?\n)\n(.*)$/s or refuse("$file: no blank line");
    my @lines = split /\n/, $head, -1;
    refuse("$file: the last line is cut off") if pop(@lines) ne '';
    refuse("$file: no tlog-proof\@v1") if shift(@lines) ne 'c2sp.org/tlog-proof@v1';
    base64(substr(shift @lines, 6), "$file: extra") if @lines && $lines[0] =~ /^extra /;
    my ($index) = (shift(@lines) // '') =~ /^index (0|[1-9][0-9]*)$/
      or refuse("$file: no index");
    my @path = map { base64($_, "$file: a hash", 32) } @lines;
    my $head_of = checkpoint($note, "$file: checkpoint");
    my $leaf = sha256("\x00" . contents($option{entry}[0]));
    my $root = climb($leaf, $index, $head_of->{size}, \@path, $file);
    refuse("$file: the entry is not in the log") if $root ne $head_of->{root};
    print "entry $index of $head_of->{size} in $head_of->{origin}: all right\n";
}

# RFC 9162, section 2.1.3.2.
sub climb {
    my ($hash, $index, $size, $path, $file) = @_;
    refuse("$file: no entry $index in a log of $size") if $index >= $size;
    my ($fn, $sn) = ($index, $size - 1);
    for my $one (@$path) {
        refuse("$file: the path is too long") if $sn == 0;
        if ($fn % 2 || $fn == $sn) {
            $hash = node($one, $hash);
            while ($fn % 2 == 0 && $fn) { $fn >>= 1; $sn >>= 1 }
        }
        else {
            $hash = node($hash, $one);
        }
        $fn >>= 1;
        $sn >>= 1;
    }
    refuse("$file: the path is too short") if $sn != 0;
    return $hash;
}

# Signed notes and checkpoints.

sub checkpoint {
    my ($data, $where, $wanted) = @_;
    $wanted = $quorum unless defined $wanted;
    my ($text, $verified) = note($data, $where);
    my @lines = split /\n/, $text, -1;
    refuse("$where: fewer than three lines") if @lines < 4;
    my ($origin, $size, $root, @extensions) = @lines;
    pop @extensions;
    refuse("$where: an empty line") if grep { $_ eq '' } $origin, @extensions;
    refuse("$where: no size") if $size !~ /^(?:0|[1-9][0-9]{0,18})$/;
    my $hash = base64($root, "$where: the root", 32);
    refuse("$where: not signed by the log's key")
      unless grep { $_->{type} == 1 && $_->{name} eq $origin } @$verified;
    my %cosigners = map { $_->{line} => 1 } grep { $_->{type} == 4 } @$verified;
    my $cosigned = scalar keys %cosigners;
    refuse("$where: $cosigned cosignatures, not $wanted") if $cosigned < $wanted;
    return { origin => $origin, size => $size, root => $hash, cosigned => $cosigned };
}

# Returns the text, and the known keys whose signatures hold; one that fails refuses all.
sub note {
    my ($data, $where) = @_;
    my $at = rindex $data, "\n\n";
    refuse("$where: no blank line") if $at < 0;
    my ($text, $rest) = (substr($data, 0, $at + 1), substr $data, $at + 2);
    refuse("$where: the last line is cut off") if $rest !~ /\n\z/;
    refuse("$where: a control character") if $text =~ /[\x00-\x09\x0b-\x1f]/;
    my @verified;
    for my $line (split /\n/, $rest) {
        my ($name, $encoded) = $line =~ /^$DASH ([^ +]+) ([^ ]+)$/
          or refuse("$where: no signature line: $line");
        my $raw = base64($encoded, "$where: a signature");
        refuse("$where: a signature is too short") if length $raw < 5;
        my ($id, $signature) = (substr($raw, 0, 4), substr $raw, 4);
        for my $key (@keys, @witnesses) {
            next if $key->{name} ne $name || $key->{id} ne $id;
            my $message = $text;
            if ($key->{type} == 4) {
                refuse("$where: no cosignature/v1") if length $signature != 72;
                my $time = unpack 'Q>', substr $signature, 0, 8, '';
                $message = "cosignature/v1\ntime $time\n$text";
            }
            refuse("$where: the signature of $name does not hold")
              if length $signature != 64
              || !ed25519($key->{public}, $message, $signature);
            push @verified, $key;
        }
    }
    return ($text, \@verified);
}

sub verifier_key {
    my ($line, $wanted) = @_;
    my ($name, $id, $encoded) = $line =~ /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/
      or refuse("no verifier key: $line");
    my $data = base64($encoded, "the key of $name", 33);
    my $type = ord $data;
    refuse("$name: a key of type $type, not $wanted") if $type != $wanted;
    my $computed = substr sha256("$name\n$data"), 0, 4;
    refuse("$name: the key's id does not fit") if unpack('H8', $computed) ne $id;
    return { name => $name, id => $computed, type => $type,
             public => substr($data, 1), line => $line };
}

sub ed25519 {
    my ($public, $message, $signature) = @_;
    # The DER of RFC 8410 around 32 bytes of key.
    spew("$WORK/key", pack('H*', '302a300506032b6570032100') . $public);
    spew("$WORK/message", $message);
    spew("$WORK/signature", $signature);
    my $status = system "openssl pkeyutl -verify -pubin -keyform DER -inkey $WORK/key"
      . " -rawin -in $WORK/message -sigfile $WORK/signature >$WORK/said 2>&1";
    return $status == 0;
}

# Hashes, paths and files.

sub node { return sha256("\x01$_[0]$_[1]") }

# Folds hashes in pairs, an odd last one carried up unchanged.
sub tree_root {
    my ($row) = @_;
    while (length $row > 32) {
        my $above = '';
        for (my $at = 0 ; $at < length $row ; $at += 64) {
            my $pair = substr $row, $at, 64;
            $above .= length $pair == 64 ? sha256("\x01$pair") : $pair;
        }
        $row = $above;
    }
    return $row;
}

sub path {
    my ($level, $n, $width) = @_;
    my $path = sprintf '%03d', $n % 1000;
    while ($n >= 1000) {
        $n = int($n / 1000);
        $path = sprintf 'x%03d/%s', $n % 1000, $path;
    }
    return "tile/$level/$path" . ($width == $WIDTH ? '' : ".p/$width");
}

sub base64 {
    my ($text, $what, $length) = @_;
    my $data = decode_base64($text);
    refuse("$what is no base64") if encode_base64($data, '') ne $text;
    refuse("$what has the wrong length") if defined $length && length $data != $length;
    return $data;
}

sub same {
    my ($data, $wanted, $path) = @_;
    refuse("$path: not the hashes or entries of this log") if $data ne $wanted;
}

sub least { return $_[0] < $_[1] ? $_[0] : $_[1] }

sub contents {
    my ($path) = @_;
    open my $file, '<:raw', $path or refuse("$path: $!");
    local $/;
    my $data = <$file>;
    refuse("$path: $!") unless defined $data;
    return $data;
}

sub spew {
    my ($path, $data) = @_;
    open my $file, '>:raw', $path or refuse("$path: $!");
    print {$file} $data;
    close $file or refuse("$path: $!");
}

sub arguments {
    my ($verb, $place, @rest) = @_;
    refuse("usage: verify.pl log FOLDER | proof FILE, --key VKEY") unless defined $place;
    my %found;
    while (@rest) {
        my $name = shift @rest;
        refuse("no option: $name") unless $name =~ s/^--(?=key|witness|quorum|entry)//;
        refuse("--$name wants a value") unless @rest;
        push @{ $found{$name} }, shift @rest;
    }
    return ($verb, $place, %found);
}

sub refuse {
    print STDERR "$_[0]\n";
    exit 1;
}
