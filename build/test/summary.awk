# Shortens the output of `go test -v`: one line a package, failed tests with all
# that they printed, skipped tests with their reason. The last line counts them.

function flush_lines(    i) { for (i = 1; i <= kept; i++) print line[i]; kept = 0 }

# A test's lines are kept until its verdict is known.
/^=== (RUN|PAUSE|CONT|NAME)/ { next }
/^ *--- PASS/ { passed++; kept = 0; next }
/^ *--- FAIL/ { failed++; flush_lines(); print; next }
/^ *--- SKIP/ { skipped++; print; for (i = 1; i <= kept; i++) print line[i]; kept = 0; next }
/^PASS$/ { kept = 0; next }
/^(FAIL|panic:)/ { bad = 1; flush_lines(); print; next }
/^ok / { kept = 0; print; next }
/\[no test files\]/ { next }
{ line[++kept] = $0 }

END {
	flush_lines()
	printf "%s: %d tests passed, %d failed, %d skipped\n", (failed || bad) ? "FAILED" : "PASSED", passed, failed, skipped
}
