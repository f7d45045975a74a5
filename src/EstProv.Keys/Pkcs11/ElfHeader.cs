using System.Runtime.InteropServices;
using EstProv.Platform;

namespace EstProv.Keys.Pkcs11;

/// <summary>Looks at a module before the loader does, to tell apart what the loader puts into one text.</summary>
internal static class ElfHeader
{
    private const int Length = 20; // up to and with e_machine

    /// <exception cref="ProblemException"><c>module_missing</c>, <c>module_permission</c>, <c>module_not_a_library</c>,
    /// <c>module_architecture</c>.</exception>
    public static void Check(string path)
    {
        if (!path.Contains('/')) return; // a bare name is searched by the loader
        Span<byte> header = stackalloc byte[Length];
        int read;
        try
        {
            using var file = File.OpenHandle(path);
            read = RandomAccess.Read(file, header, 0);
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ProblemException("module_missing", $"the PKCS#11 module {path} does not exist",
                "install the token vendor's library or correct lib_path in [pkcs11]", 503);
        }
        catch (UnauthorizedAccessException)
        {
            throw Directory.Exists(path)
                ? NotALibrary(path, "it is a folder")
                : new ProblemException("module_permission", $"the PKCS#11 module {path} cannot be read: permission denied",
                    "give the Key Service's user read access to the file and its folders", 503);
        }
        catch (IOException)
        {
            throw NotALibrary(path, "it cannot be read");
        }

        if (read < Length || !header.StartsWith("\x7F"u8) || !header[1..].StartsWith("ELF"u8)) throw NotALibrary(path, "it is not an ELF file");
        var machine = header[18] | header[19] << 8;
        var (ours, name) = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? (183, "arm64") : (62, "x86-64");
        if (header[4] != 2 || machine != ours)
        {
            var bits = header[4] == 2 ? 64 : 32;
            throw new ProblemException("module_architecture",
                $"the PKCS#11 module {path} is for another architecture (ELF machine {machine}, {bits} bits); this program is {name}",
                $"install the vendor's library for {name}", 503);
        }
    }

    private static ProblemException NotALibrary(string path, string why) => new("module_not_a_library",
        $"the PKCS#11 module {path} is not a library: {why}", "lib_path must name the vendor's .so file", 503);
}
