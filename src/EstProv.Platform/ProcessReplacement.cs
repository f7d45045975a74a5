using System.Collections;
using System.Runtime.InteropServices;
using System.Text;

namespace EstProv.Platform;

/// <summary>
/// Starts this program anew, or another one, in the same process (execve(2)): the process id stays, and so do the descriptors that are
/// named. Threads that
/// hang somewhere end with it, which nothing else can make them do.
/// </summary>
public static unsafe class ProcessReplacement
{
    private const string Program = "/proc/self/exe";
    private static readonly List<byte[]> s_kept = [];

    /// <summary>Returns only when it fails.</summary>
    /// <param name="variables">Added to the environment.</param>
    /// <param name="keep">Descriptors that stay open beside the first three; whatever a library has left open is closed.</param>
    /// <returns>errno.</returns>
    public static int Run(IReadOnlyDictionary<string, string> variables, ReadOnlySpan<int> keep)
    {
        var arguments = Pointers(File.ReadAllBytes("/proc/self/cmdline"));
        var environment = Pointers(EnvironmentBlock(variables));
        var program = Encoding.UTF8.GetBytes(Program + '\0');
        CloseOnExec(keep);
        fixed (byte* path = program)
        fixed (nint* first = arguments)
        fixed (nint* second = environment) _ = Libc.Execute(path, first, second);
        return Marshal.GetLastPInvokeError();
    }

    /// <summary>Goes on as another program in this process, with the same environment and the first three descriptors.</summary>
    /// <param name="program">An absolute path.</param>
    /// <returns>Only when it fails: errno.</returns>
    public static int Become(string program, IReadOnlyList<string> arguments)
    {
        var block = new StringBuilder(program).Append('\0');
        foreach (var argument in arguments) block.Append(argument).Append('\0');
        var (first, environment) = (Pointers(Encoding.UTF8.GetBytes(block.ToString())),
            Pointers(EnvironmentBlock(new Dictionary<string, string>())));
        var path = Encoding.UTF8.GetBytes(program + '\0');
        CloseOnExec([]);
        fixed (byte* file = path)
        fixed (nint* one = first)
        fixed (nint* two = environment) _ = Libc.Execute(file, one, two);
        return Marshal.GetLastPInvokeError();
    }

    private static void CloseOnExec(ReadOnlySpan<int> keep)
    {
        const int SetFlags = 2, CloseOnExecFlag = 1, FirstOther = 3;
        foreach (var name in Directory.GetFiles("/proc/self/fd"))
        {
            if (int.TryParse(Path.GetFileName(name), out var descriptor) && descriptor >= FirstOther) _ = Libc.FileControl(descriptor, SetFlags, CloseOnExecFlag);
        }

        foreach (var descriptor in keep) _ = Libc.FileControl(descriptor, SetFlags, 0);
    }

    private static byte[] EnvironmentBlock(IReadOnlyDictionary<string, string> variables)
    {
        var block = new StringBuilder();
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            if (!variables.ContainsKey((string)entry.Key)) block.Append($"{entry.Key}={entry.Value}\0");
        }

        foreach (var (name, value) in variables) block.Append($"{name}={value}\0");
        return Encoding.UTF8.GetBytes(block.ToString());
    }

    // Strings that end with a NUL each; the memory is for the rest of the process's life.
    private static nint[] Pointers(byte[] block)
    {
        var pinned = GC.AllocateUninitializedArray<byte>(block.Length + 1, pinned: true);
        block.CopyTo(pinned, 0);
        pinned[^1] = 0;
        List<nint> pointers = [];
        for (var start = 0; start < block.Length; start += pinned.AsSpan(start).IndexOf((byte)0) + 1)
        {
            pointers.Add(Marshal.UnsafeAddrOfPinnedArrayElement(pinned, start));
        }

        s_kept.Add(pinned);
        return [.. pointers, 0];
    }
}
