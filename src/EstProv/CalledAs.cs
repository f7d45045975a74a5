using System.Text;

namespace EstProv;

/// <summary>The name under which the kernel was asked to start this file; <c>Environment.ProcessPath</c> has links resolved already.</summary>
internal static class CalledAs
{
    public static string Name()
    {
        var commandLine = File.ReadAllBytes("/proc/self/cmdline");
        var end = Array.IndexOf(commandLine, (byte)0);
        return Path.GetFileName(Encoding.UTF8.GetString(commandLine, 0, end < 0 ? commandLine.Length : end));
    }
}
