using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary>Holds what a user of keyd is shown to the files of tests/Messages.</summary>
internal static partial class ShownMessages
{
    /// <summary>Holds what a user is shown to its file, with a device's paths in place of this run's.</summary>
    public static void Shown(this KeydUnderTest keyd, string name, ProblemException problem) => keyd.Shown(name, problem.Code, problem.ToTerminalText());

    /// <summary>The same of the last line of the log that has the code.</summary>
    public static void ShownInLog(this KeydUnderTest keyd, string name)
    {
        var code = name.Split('-')[0];
        var line = InLog().Match(keyd.Log.Last(line => line.Contains($"(code={code}", StringComparison.Ordinal)));
        keyd.Shown(name, code, $"error: {line.Groups["what"].Value}\nhint: {line.Groups["hint"].Value}");
    }

    /// <summary>The same of what <c>--check</c> has printed.</summary>
    public static void Shown(this KeydUnderTest keyd, string name, string code, string text)
    {
        List<(string What, string Called)> names =
        [
            (keyd.Home, "/var/lib/estprov/keyd"),
            (keyd.ConfigFile, "/etc/estprov/keyd.toml"),
            (Path.GetDirectoryName(keyd.ConfigFile)!, "/etc/estprov"),
            (Path.Combine(AppContext.BaseDirectory, "faulty-module.so"), "/usr/lib/vendor/libvendor-pkcs11.so"),
            (AppContext.BaseDirectory.TrimEnd('/'), "/usr/lib/vendor"),
            (RuntimeEnvironment.GetRuntimeDirectory().TrimEnd('/'), "/usr/lib"),
        ];
        foreach (Match slot in SoftHsmSlot().Matches(text)) names.Add((slot.Value, "slot SLOT"));
        foreach (Match serial in Serial().Matches(text)) names.Add((serial.Value, "serial SERIAL"));
        Message.Shown(name, code, text.TrimEnd('\n'), [.. names]);
    }

    [GeneratedRegex(@"^\w+: (?<what>.*) \(code=[a-z_]+(?:; hint: (?<hint>.*))?\)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex InLog();

    // SoftHSM2 makes the number of a slot from the token's serial number, which is random.
    [GeneratedRegex(@"\bslot [0-9]{4,}", RegexOptions.None, 1000)]
    private static partial Regex SoftHsmSlot();

    [GeneratedRegex(@"\bserial [0-9a-f]{16}", RegexOptions.None, 1000)]
    private static partial Regex Serial();
}
