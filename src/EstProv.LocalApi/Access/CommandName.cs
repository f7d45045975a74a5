using System.Globalization;

namespace EstProv.LocalApi.Access;

/// <summary>What a process calls itself, for the log: /proc/PID/comm. Whoever is refused has chosen it himself, so it proves nothing.</summary>
internal static class CommandName
{
    // TASK_COMM_LEN, with its end.
    private const int Longest = 16;

    /// <summary>"?" where it cannot be read, as under ProtectProc=, or the process has ended.</summary>
    public static string Of(int processId)
    {
        Span<byte> name = stackalloc byte[Longest];
        try
        {
            using var file = File.OpenHandle(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/comm"));
            var length = RandomAccess.Read(file, name, 0);
            return OneLine.Of(System.Text.Encoding.UTF8.GetString(name[..length].TrimEnd((byte)'\n')));
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            return "?";
        }
    }
}
