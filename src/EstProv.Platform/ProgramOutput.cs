using System.Text;

namespace EstProv.Platform;

/// <summary>What a program prints (popen(3)): System.Diagnostics.Process would cost more than all that this program does with it.</summary>
public static class ProgramOutput
{
    /// <param name="commandLine">For the shell: it must hold nothing that a caller has given.</param>
    /// <param name="most">Bytes; the rest is read and forgotten.</param>
    /// <returns>Its standard output; empty where it cannot be started.</returns>
    public static unsafe string Read(string commandLine, int most)
    {
        var stream = Libc.OpenProgram(commandLine, "re");
        if (stream == 0) return "";
        var text = new byte[most];
        var length = 0;
        Span<byte> rest = stackalloc byte[4096];
        while (true)
        {
            var room = length < most ? text.AsSpan(length) : rest;
            int read;
            fixed (byte* into = room) read = (int)Libc.ReadStream(into, 1, (nuint)room.Length, stream);
            if (read == 0) break;
            if (length < most) length += read;
        }

        _ = Libc.CloseProgram(stream);
        return Encoding.UTF8.GetString(text, 0, length);
    }
}
