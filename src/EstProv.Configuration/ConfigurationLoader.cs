using EstProv.Configuration.Certd;
using EstProv.Configuration.Identityd;
using EstProv.Configuration.Keyd;
using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration;

/// <summary>
/// Reads a daemon's configuration: a file, then the <c>*.toml</c> of its drop-in folder in byte order. Tables merge, values and arrays
/// replace, <c>[[principal]]</c> appends. Nothing throws: what is wrong, with any of the files, is in the result.
/// </summary>
public static class ConfigurationLoader
{
    /// <summary>
    /// What the look-up of users answers for one who has nobody's rights: his <c>[[principal]]</c> is left out without an error. It is (uid_t)-1, which no user has.
    /// </summary>
    public const uint NoUser = uint.MaxValue;

    /// <param name="file">Must exist.</param>
    /// <param name="dropInFolder">Need not exist.</param>
    /// <param name="findUser">A local user's uid by name, null when there is none; for <c>user</c> of <c>[[principal]]</c>.</param>
    public static Loaded<KeydConfiguration> LoadKeyd(string file, string dropInFolder, Func<string, uint?> findUser) =>
        Load(new ConfigurationFiles(), file, dropInFolder, findUser, KeydSchema.File, KeydBinder.Bind);

    /// <inheritdoc cref="LoadKeyd"/>
    public static Loaded<CertdConfiguration> LoadCertd(string file, string dropInFolder, Func<string, uint?> findUser) =>
        Load(new ConfigurationFiles(), file, dropInFolder, findUser, CertdSchema.File, CertdBinder.Bind);

    /// <inheritdoc cref="LoadKeyd"/>
    public static Loaded<IdentitydConfiguration> LoadIdentityd(string file, string dropInFolder, Func<string, uint?> findUser) =>
        Load(new ConfigurationFiles(), file, dropInFolder, findUser, IdentitydSchema.File, IdentitydBinder.Bind);

    internal static Loaded<T> Load<T>(ConfigurationFiles files, string file, string dropInFolder, Func<string, uint?> findUser, Section schema,
        Func<TomlView, BindContext, T> bind)
        where T : class
    {
        var problems = new Problems();
        var names = new List<string> { file };
        names.AddRange(files.DropIns(dropInFolder, problems));
        var complete = problems.ErrorCount == 0;
        var root = TomlMerge.Read(files, names, problems, ref complete);
        T? value = null;
        if (root is not null)
        {
            SchemaCheck.Run(root, schema, problems, complete);
            value = bind(new TomlView(root, root.Position), new BindContext(files, findUser, problems, complete));
        }

        names.Add(dropInFolder);
        var loaded = problems.Finish(value, names);
        // Only what was made of them keeps the secrets.
        if (loaded.Value is not KeydConfiguration) files.Secrets.Dispose();
        return loaded;
    }
}
