using System.Text.RegularExpressions;

namespace EstProv.Cli.Tests.Documentation;

/// <summary>The codes that the source gives to problems, wherever they are made.</summary>
internal static partial class ErrorCodes
{
    /// <summary>
    /// Servers' problems have one of these before what went wrong (<c>TlsServer.Codes</c>); and the daemons that a client may miss.
    /// </summary>
    private static readonly string[] s_servers = ["est", "dps", "hub", "cloud"], s_daemons = ["keyd", "certd", "identityd"];

    public static HashSet<string> OfTheSource() => Of(static _ => true, s_servers);

    /// <summary>But for those that the command alone makes; of what all servers have in common, that of the EST server.</summary>
    public static HashSet<string> OfTheDaemons() => Of(static file => !file.Contains("/EstProv.Cli/", StringComparison.Ordinal), ["est"]);

    private static HashSet<string> Of(Func<string, bool> isWanted, string[] servers)
    {
        var codes = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in Directory.GetFiles(Path.Combine(MarkdownPage.Root, "src"), "*.cs", SearchOption.AllDirectories).Where(isWanted))
        {
            var text = File.ReadAllText(file);
            foreach (Match match in Log().Matches(text)) codes.Add(match.Groups["code"].Value);
            // There, what looks like a problem is a setting; its problems have a place in a file and no code.
            if (file.Contains("/obj/", StringComparison.Ordinal)) continue;
            if (file.Contains("/EstProv.Configuration/", StringComparison.Ordinal)) continue;
            foreach (Match match in Made().Matches(text)) codes.Add(match.Groups["code"].Value);
            foreach (Match match in OfServer().Matches(text))
            {
                foreach (Capture code in match.Groups["code"].Captures)
                    codes.UnionWith(servers.Select(server => server + code.Value));
            }

            foreach (Match match in OfServersCertificate().Matches(text))
                codes.UnionWith(servers.Select(server => $"{server}_tls_{match.Groups["code"].Value}"));
            foreach (Match match in OfDaemon().Matches(text))
                codes.UnionWith(s_daemons.Select(daemon => daemon + match.Groups["code"].Value));
            if (file.EndsWith("Codes.cs", StringComparison.Ordinal) || text.Contains("const string Unproved", StringComparison.Ordinal))
                codes.UnionWith(Named().Matches(text).Select(static match => match.Groups["code"].Value));
        }

        return codes;
    }

    // As an argument of a problem or a finding, or in a table of them.
    [GeneratedRegex("""
        (?:\bnew(?:[ ]ProblemException|[ ]ServerRefusal)?\(\s*|\.(?:Warn|Error)\([A-Za-z"]+,\s*|\(\d+,[ ]|=>[ ]\()"(?<code>[a-z][a-z0-9_]*)",
        """, RegexOptions.ExplicitCapture | RegexOptions.IgnorePatternWhitespace, 1000)]
    private static partial Regex Made();

    [GeneratedRegex("""\bcode=(?<code>[a-z_]+)(?=[;)"])""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Log();

    // One, or one of two: Codes + (of this ? "_tls_alert" : "_tls").
    [GeneratedRegex("""Codes \+ (?:\([^,]*\? "(?<code>_[a-z_]+)" : )?"(?<code>_[a-z_]+)""" + "\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex OfServer();

    [GeneratedRegex("""\bCode\("(?<code>[a-z_]+)"\)""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex OfServersCertificate();

    [GeneratedRegex("""\$"\{_daemon\}(?<code>_[a-z_]+)""" + "\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex OfDaemon();

    [GeneratedRegex("""const string \w+ = "(?<code>[a-z]+_[a-z0-9_]+)";""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Named();
}
