using System.Runtime.InteropServices;

namespace EstProv.Platform.Tests;

[NonParallelizable]
public sealed partial class AtomicFileTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("atomic-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_rename_can_be_repeated()
    {
        File.WriteAllText(At("from"), "new");
        File.WriteAllText(At("to"), "old");

        AtomicFile.Rename(At("from"), At("to"));
        AtomicFile.Rename(At("from"), At("to"));

        Assert.That(File.ReadAllText(At("to")), Is.EqualTo("new"));
    }

    [Test]
    public void What_lies_in_the_place_of_the_temporary_file_is_not_written_to()
    {
        File.WriteAllText(At("victim"), "precious");
        File.CreateSymbolicLink(At("state.tmp"), At("victim"));
        AtomicFile.Write(At("state"), "new"u8);
        Assert.That((File.ReadAllText(At("victim")), File.ReadAllText(At("state"))), Is.EqualTo(("precious", "new")));
        Assert.That(new FileInfo(At("state")).LinkTarget, Is.Null);

        File.WriteAllText(At("state.tmp"), "left behind by an interrupted write");
        File.SetUnixFileMode(At("state.tmp"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
        AtomicFile.Write(At("state"), "newer"u8);
        Assert.That(File.ReadAllText(At("state")), Is.EqualTo("newer"));
        Assert.That(File.GetUnixFileMode(At("state")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(File.Exists(At("state.tmp")), Is.False);
    }

    [Test]
    public void What_is_nowhere_cannot_be_renamed() =>
        Assert.That(() => AtomicFile.Rename(At("from"), At("to")), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("file_no_folder").Or.Property("Code").EqualTo("file_write"));

    [Test]
    public void Without_a_descriptor_to_be_had_nothing_changes()
    {
        File.WriteAllText(At("from"), "new");
        File.WriteAllText(At("to"), "old");
        AtomicFile.Write(At("warm"), "loads what it needs"u8);

        var failed = WithoutDescriptors(() => AtomicFile.Rename(At("from"), At("to")));
        var failedToDelete = WithoutDescriptors(() => AtomicFile.Delete(At("to")));

        Assert.That(failed, Is.Not.Null);
        Assert.That(failedToDelete, Is.Not.Null);
        Assert.That(File.ReadAllText(At("to")), Is.EqualTo("old"));
        Assert.That(File.ReadAllText(At("from")), Is.EqualTo("new"));
    }

    [Test]
    public void A_missing_folder_is_told() =>
        Assert.That(() => AtomicFile.Write(At("missing/file"), "x"u8), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("file_no_folder"));

    [Test]
    public void A_folder_is_made_for_its_owner_with_those_above_it()
    {
        AtomicFile.CreateFolder(At("data/estprov/keyd/"));
        AtomicFile.CreateFolder(At("data/estprov/keyd"));

        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.That(File.GetUnixFileMode(At("data/estprov/keyd")) & Others, Is.EqualTo(UnixFileMode.None));
        Assert.That(File.GetUnixFileMode(At("data/estprov")) & UnixFileMode.OtherExecute, Is.Not.EqualTo(UnixFileMode.None), "the other daemons' folders stand there, too");
    }

    [Test]
    public void A_folder_whose_name_cannot_be_made_durable_is_not_made()
    {
        AtomicFile.CreateFolder(At("warm"));

        Assert.That(WithoutDescriptors(() => AtomicFile.CreateFolder(At("state"))), Is.Not.Null);
        Assert.That(Directory.Exists(At("state")), Is.False);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private static Exception? WithoutDescriptors(Action work)
    {
        Assert.That(GetLimit(OpenFiles, out var before), Is.Zero);
        Assert.That(SetLimit(OpenFiles, before with { Now = 0 }), Is.Zero);
        try
        {
            work();
            return null;
        }
        catch (Exception problem) when (problem is ProblemException or IOException)
        {
            return problem;
        }
        finally
        {
            _ = SetLimit(OpenFiles, before);
        }
    }

    private const int OpenFiles = 7; // RLIMIT_NOFILE

    [StructLayout(LayoutKind.Sequential)]
    private record struct Limit(nuint Now, nuint Most);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in Limit limit);
}
