using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace EdgeSdk.Models;

/// <summary>The files of a model folder: which make up the model, their hashes, and where a name in its configuration may point.</summary>
internal static class ModelFiles
{
    private static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase) { ".onnx", ".data", ".bin", ".safetensors", ".json", ".jinja", ".model", ".txt" };

    /// <summary>Names of the files that make up the model of a folder without a manifest: graphs, weights, configuration, tokenizer and template.</summary>
    public static IEnumerable<string> Find(string folder) => Directory.EnumerateFiles(folder).Select(Path.GetFileName).OfType<string>().Where(IsModelFile);

    /// <summary>Sizes and hashes of files of a folder, in ordinal order of path.</summary>
    /// <exception cref="EdgeException">A file cannot be read.</exception>
    public static List<EdgeManifest.FileEntry> Describe(string folder, IEnumerable<string> names, CancellationToken cancellationToken)
    {
        var entries = new List<EdgeManifest.FileEntry>();
        foreach (string name in names.Order(StringComparer.Ordinal))
        {
            string path = Path.Combine(folder, name);
            entries.Add(new(name, Length(path), Hash(path, cancellationToken)));
        }

        return entries;
    }

    /// <summary>
    /// SHA-256 (hex) over, per file in ordinal order of path: the UTF-8 path, a zero byte, the 32 bytes of its hash. Equal identities give equal texts.
    /// </summary>
    public static string Identity(IEnumerable<EdgeManifest.FileEntry> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in files.OrderBy(f => f.Path, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(file.Path));
            hash.AppendData([0]);
            hash.AppendData(Convert.FromHexString(file.Sha256));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>A file's size in bytes.</summary>
    /// <exception cref="EdgeException">It cannot be read.</exception>
    public static long Length(string path)
    {
        using var file = Open(path);
        return RandomAccess.GetLength(file);
    }

    /// <summary>A file's SHA-256 in lower-case hex.</summary>
    /// <exception cref="EdgeException">It cannot be read.</exception>
    public static string Hash(string path, CancellationToken cancellationToken)
    {
        using var file = Open(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[256 * 1024];
        long place = 0;
        for (int read; (read = RandomAccess.Read(file, buffer, place)) > 0; place += read)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The full path of a file that a configuration names.</summary>
    /// <param name="folder">The model folder; the file must lie in it.</param>
    /// <param name="source">The configuration file, for messages.</param>
    /// <param name="field">The field that names the file, for messages.</param>
    /// <param name="name">A relative path, its parts divided by '/'.</param>
    /// <exception cref="EdgeException">The name, or a link that it leads to, leaves the folder.</exception>
    public static string Resolve(string folder, string source, string field, string name)
    {
        bool contained = name.Length > 0
            && !name.Any(c => c is '\\' or ':' || char.IsControl(c))
            && name.Split('/').All(part => part is not ("" or "." or ".."));
        if (!contained)
            throw Refused(source, field, name, "which is no path inside the folder");

        string path = Path.Combine(folder, name);
        return LinkLeaves(folder, name) ? throw Refused(source, field, name, "a link that leaves the folder") : path;
    }

    private static EdgeException Refused(string source, string field, string name, string why) =>
        new(EdgeErrorCode.InvalidModel, $"{source}: {field} is '{Printable(name)}', {why}. Put the file into the folder and name it there.");

    private static string Printable(string name) => string.Concat(name.Take(200).Select(c => char.IsControl(c) ? '\uFFFD' : c));

    /// <summary>
    /// Whether a link on the way leads out of the folder. Hugging Face's cache keeps snapshots as links into <c>../../blobs</c>: those are let through.
    /// </summary>
    private static bool LinkLeaves(string folder, string name)
    {
        string root = RealPath(folder), path = root;
        foreach (string part in name.Split('/'))
            path = RealPath(Path.Combine(path, part));

        string blobs = Path.GetFullPath(Path.Combine(root, "..", "..", "blobs"));
        return !IsInside(root, path) && !IsInside(blobs, path);
    }

    private static string RealPath(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        FileSystemInfo info = Directory.Exists(full) ? new DirectoryInfo(full) : new FileInfo(full);
        try
        {
            return info.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? full;
        }
        catch (IOException) // nothing there, or links in a circle: opening it will say so
        {
            return full;
        }
    }

    private static bool IsInside(string folder, string path) => path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static bool IsModelFile(string name) => Extensions.Contains(Path.GetExtension(name)) && name != EdgeManifest.FileName && !name.StartsWith('.');

    private static SafeFileHandle Open(string path)
    {
        try
        {
            return File.OpenHandle(path, options: FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{path} cannot be read: {e.Message} Download the model again, or mend the file's permissions.", e);
        }
    }
}
