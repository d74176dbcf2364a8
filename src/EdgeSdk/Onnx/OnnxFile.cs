using Google.Protobuf;

namespace EdgeSdk.Onnx;

/// <summary>Reading and writing of model.onnx.</summary>
internal static class OnnxFile
{
    /// <summary>Reads a model; tensors in external files stay there.</summary>
    /// <exception cref="EdgeException">The file is missing, truncated or no ONNX model.</exception>
    public static ModelProto Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var model = ModelProto.Parser.ParseFrom(file);
            if (model.Graph is { Node.Count: > 0 })
                return model;
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Damaged(path, e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{path} cannot be read: {e.Message} Download or convert the model again.", e);
        }

        throw Damaged(path, "It has no graph.", null);
    }

    /// <summary>Writes a model beside <paramref name="path"/> and renames, so that a reader sees the old file or the new one.</summary>
    public static void Write(ModelProto model, string path)
    {
        string partial = path + ".partial";
        try
        {
            using (var file = File.Create(partial))
            {
                model.WriteTo(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>What of a model's external data is not there: the file and what is wanted of it. Null where all of it is.</summary>
    /// <exception cref="EdgeException">The model itself cannot be read.</exception>
    public static string? MissingData(string path)
    {
        foreach (var tensor in Read(path).Graph.Initializer.Where(t => t.DataLocation == TensorProto.Types.DataLocation.External))
        {
            var where = tensor.ExternalData.ToDictionary(entry => entry.Key, entry => entry.Value);
            if (!where.TryGetValue("location", out string? location))
                continue;

            var file = new FileInfo(Path.Combine(Path.GetDirectoryName(path)!, location));
            if (!file.Exists)
                return $"{file.FullName} does not exist; {Path.GetFileName(path)} keeps tensors in it";

            long end = Number("offset") + Number("length");
            if (end > file.Length)
                return $"{file.FullName} has {file.Length} bytes; {Path.GetFileName(path)} reads '{tensor.Name}' up to byte {end} of it";

            long Number(string key) => where.TryGetValue(key, out string? text) && long.TryParse(text, out long number) ? number : 0;
        }

        return null;
    }

    private static EdgeException Damaged(string path, string why, Exception? inner) =>
        new(EdgeErrorCode.InvalidModel, $"{path} is no ONNX model, or a damaged one: {why} Download or convert the model again.", inner);
}
