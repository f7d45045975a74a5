using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using EstProv.LocalApi;
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
        var (code, text) = Message.OfLog(keyd.Log.Last(line => line.Contains($"(code={name.Split('-')[0]}", StringComparison.Ordinal)));
        keyd.Shown(name, code, text);
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
            ($"user {Users.Self} ", "user 1001 "),
        ];
        foreach (Match slot in SoftHsmSlot().Matches(text)) names.Add((slot.Value, "slot SLOT"));
        foreach (Match serial in Serial().Matches(text)) names.Add((serial.Value, "serial SERIAL"));
        Message.Shown(name, code, text.TrimEnd('\n'), [.. names]);
    }

    // SoftHSM2 makes the number of a slot from the token's serial number, which is random.
    [GeneratedRegex(@"\bslot [0-9]{4,}", RegexOptions.None, 1000)]
    private static partial Regex SoftHsmSlot();

    [GeneratedRegex(@"\bserial [0-9a-f]{16}", RegexOptions.None, 1000)]
    private static partial Regex Serial();
}
